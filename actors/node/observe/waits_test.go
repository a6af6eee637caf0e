package observe

import (
	"testing"
	"time"

	"github.com/troupe-mq/troupe/actors/health"
)

func TestWaitsAreNamedOnceTheyLast(t *testing.T) {
	var w waits
	begin := time.Unix(1000, 0)
	at := func(ms int64) time.Time { return begin.Add(time.Duration(ms) * time.Millisecond) }
	electing := waiting{shard: 7, replica: 70, phase: health.Electing}
	look := func(ms int64, wantNamed, wantOver int, found ...waiting) {
		t.Helper()
		named, over := w.look(at(ms), found)
		if len(named) != wantNamed || len(over) != wantOver {
			t.Errorf("after %d ms: named %v, over %v, want %d and %d", ms, named, over, wantNamed, wantOver)
		}
	}
	look(0, 0, 0, electing)
	look(health.SlowAfter-1, 0, 0, electing)
	if len(w.list()) != 0 {
		t.Errorf("named too early: %v", w.list())
	}
	look(health.SlowAfter, 1, 0, electing)
	changed := electing
	changed.detail = "more is known by now"
	look(health.SlowAfter+1000, 0, 0, changed)
	if l := w.list(); len(l) != 1 || l[0].MS != health.SlowAfter+1000 || l[0].Detail != changed.detail {
		t.Errorf("listed %+v", l)
	}
	look(health.SlowAfter+2000, 0, 1)
	look(health.SlowAfter+3000, 0, 0, electing) // it begins anew
	if len(w.list()) != 0 {
		t.Errorf("what was over counts on: %v", w.list())
	}
	other := waiting{shard: 7, replica: 70, phase: health.NoQuorum}
	look(2*health.SlowAfter, 0, 0, other) // another phase begins anew too
}
