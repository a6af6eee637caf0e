package sim

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// seeds returns how many seeds a test runs: SIM_SEEDS, or a few.
func seeds(few uint64) uint64 {
	if n, err := strconv.ParseUint(os.Getenv("SIM_SEEDS"), 10, 64); err == nil {
		return n
	}
	return few
}

// TestSeeds runs clusters through their trouble.
func TestSeeds(t *testing.T) {
	began, acked, commits, simulated := time.Now(), 0, 0, time.Duration(0)
	for seed := range seeds(24) {
		r := Run(Options{Seed: seed, For: 2 * time.Minute, Nodes: 3 + int(seed%8/6)*2})
		acked += r.Acked
		commits += r.Commits
		simulated += r.Simulated
		for _, v := range r.Violations {
			t.Errorf("seed %d: %v", seed, v)
		}
	}
	if acked < 1000 || commits < 100 {
		t.Errorf("only %d records were acknowledged and %d offsets committed: the test proves little", acked, commits)
	}
	t.Logf("%d records acknowledged, %d offsets committed, %s simulated, %.1f simulated hours a minute", acked, commits, simulated, Rate(simulated, time.Since(began)))
}

// TestASeedRepeats runs seeds twice: all that happens is the same, as the hash over all of it shows; another seed is another run.
func TestASeedRepeats(t *testing.T) {
	var before Report
	for seed := uint64(100); seed < 104; seed++ {
		o := Options{Seed: seed, For: time.Minute, Nodes: 3}
		a, b := Run(o), Run(o)
		if a.Hash != b.Hash || a.Events != b.Events || a.Acked != b.Acked {
			t.Errorf("seed %d: hash %x of %d events, then %x of %d", seed, a.Hash, a.Events, b.Hash, b.Events)
		}
		if a.Hash == before.Hash {
			t.Errorf("seeds %d and %d have the same hash", before.Seed, seed)
		}
		before = a
		o.Story = true
		if told := Run(o); told.Hash != a.Hash || len(told.Story) == 0 {
			t.Errorf("seed %d: the hash is %x with the story and %x without", seed, told.Hash, a.Hash)
		}
	}
}

// TestWithoutLeavesOut: a plan without its faults and clients is still the same plan.
func TestWithoutLeavesOut(t *testing.T) {
	o := Options{Seed: 3, For: time.Minute, Story: true}
	all := Run(o)
	o.Without = all.parts()
	none := Run(o)
	if len(none.Plan) != len(all.Plan) || len(all.Plan) == 0 || none.Acked != 0 {
		t.Errorf("%d faults planned, then %d; %d records acknowledged without clients", len(all.Plan), len(none.Plan), none.Acked)
	}
	for i, f := range all.Plan {
		if f.String() != none.Plan[i].String() {
			t.Errorf("%s became %s", f, none.Plan[i])
		}
	}
	if told := strings.Join(none.Story, "\n"); strings.Contains(told, "FAULT") {
		t.Errorf("a fault was not left out:\n%s", told)
	}
}
