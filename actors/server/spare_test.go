package server

import (
	"runtime/debug"
	"testing"
)

// What an answer is encoded into is at most twice as large as it is, whatever was answered before:
// answers are counted by their bytes.
func TestABufferIsNotMuchLargerThanItsAnswer(t *testing.T) {
	// A collection empties the pools, and this test makes enough garbage for one at every step.
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	reused := 0
	for round := range 3 {
		for mib := 1; mib <= 20; mib++ {
			giveBack(make([]byte, 0, mib<<20+round<<10))
		}
		for _, bytes := range []int{commonSpare + 1, 3 << 20 / 2, 2 << 20, 5 << 20, 15 << 20, mostSpare - 1, mostSpare, 40 << 20} {
			b := spare(bytes)
			if len(b) != 0 || cap(b) > 2*bytes {
				t.Fatalf("an answer of %d bytes gets a buffer of %d with %d in it", bytes, cap(b), len(b))
			}
			if cap(b) > 0 {
				reused++
			}
		}
		if b := spare(100); cap(b) > commonSpare {
			t.Fatalf("a small answer gets a buffer of %d", cap(b))
		}
	}
	if reused == 0 {
		t.Fatal("no buffer was used again")
	}
}
