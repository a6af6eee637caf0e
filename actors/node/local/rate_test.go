package local

import (
	"testing"
	"time"
)

// TestRateHoldsOverTime spends chunks as they come due, and expects the bytes of the time that
// passed.
func TestRateHoldsOverTime(t *testing.T) {
	begin := time.Unix(1000, 0)
	r, now := Rate{Bytes: 1 << 20}, begin
	sent := 0
	for now.Sub(begin) < 10*time.Second {
		if wait := r.Wait(now); wait > 0 {
			now = now.Add(wait)
			continue
		}
		r.Spend(256 << 10)
		sent += 256 << 10
	}
	if want := 10 << 20; sent < want*95/100 || sent > want*105/100+(512<<10) {
		t.Fatalf("%d bytes in 10 s at 1 MiB/s", sent)
	}
	now = now.Add(time.Hour) // what is saved up is bounded
	r.Wait(now)
	if r.left > r.Bytes/10 {
		t.Fatalf("%d bytes saved up", r.left)
	}
	if wait := r.Wait(now.Add(-time.Minute)); wait < 0 || wait > time.Second {
		t.Fatalf("after the clock went back: wait %v", wait)
	}
}
