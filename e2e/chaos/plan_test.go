package chaos

import (
	"fmt"
	"slices"
	"testing"
)

func TestPlanRepeats(t *testing.T) {
	p := Plan{Seed: 7, Nodes: 3, Kinds: Names()}
	tell := func(p Plan) string { return fmt.Sprintf("%+v %+v", p.Singles(1), p.Mixed(2, 20, 4)) }
	if once, again := tell(p), tell(p); once != again {
		t.Error("the same seed makes two plans")
	}
	other := p
	other.Seed++
	if tell(p) == tell(other) {
		t.Error("two seeds make one plan")
	}
}

func TestSinglesHaveEveryKindOnce(t *testing.T) {
	p := Plan{Seed: 1, Nodes: 3, Kinds: Names()}
	var kinds []string
	for _, r := range p.Singles(0) {
		if len(r) != 1 {
			t.Fatalf("a round of %d faults: %s", len(r), r)
		}
		kinds = append(kinds, r[0].Kind)
	}
	want := slices.Clone(p.Kinds)
	slices.Sort(kinds)
	slices.Sort(want)
	if !slices.Equal(kinds, want) {
		t.Errorf("kinds %v, want %v", kinds, want)
	}
}

// Every fault of many plans names nodes that are there, begins before it ends, and comes and goes
// in between.
func TestTimelines(t *testing.T) {
	for seed := range uint64(200) {
		for _, r := range (Plan{Seed: seed, Nodes: 5, Kinds: Names()}).Mixed(0, 5, 4) {
			open := map[int]bool{}
			last := event{}
			for _, e := range r.timeline() {
				if e.at < last.at {
					t.Fatalf("%s: events are not in order", r)
				}
				if (e.what == begin) == open[e.fault] {
					t.Fatalf("%s: %v of a fault that is open: %t", r, e, open[e.fault])
				}
				open[e.fault] = e.what != end
				last = e
			}
			for i, f := range r {
				if open[i] || len(f.Nodes) == 0 || slices.ContainsFunc(f.Nodes, func(n int) bool { return n < 1 || n > 5 }) {
					t.Fatalf("%s: fault %d", r, i)
				}
			}
		}
	}
}
