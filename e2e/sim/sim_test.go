package sim

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/troupe-mq/troupe/e2e/operations"
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
		r := Run(Options{Seed: seed, For: 2 * time.Minute})
		acked += r.Acked
		commits += r.Commits
		simulated += r.Simulated
		for _, v := range r.Violations {
			t.Errorf("seed %d (%s): %v", seed, r.World, v)
		}
	}
	if acked < 1000 || commits < 100 {
		t.Errorf("only %d records were acknowledged and %d offsets committed: the test proves little", acked, commits)
	}
	t.Logf("%d records acknowledged, %d offsets committed, %s simulated, %.1f simulated hours a minute", acked, commits, simulated, Rate(simulated, time.Since(began)))
}

// TestOperations has an operator change clusters while clients work, a hundred times each. What an
// operation asks for comes about, the cluster is calm again after each and even in the end, and no
// invariant is violated. One of the seeds is another one in every run.
func TestOperations(t *testing.T) {
	anew := uint64(time.Now().UnixNano()) % 1e9
	done := map[string]int{}
	for _, seed := range append([]uint64{anew}, many(seeds(8))...) {
		r := Run(Options{Seed: seed, Operations: 100})
		for _, v := range r.Violations {
			t.Errorf("%v\nagain: troupe sim --operations 100 --seed %d --story", v, seed)
		}
		for _, f := range r.Plan {
			if f.At != never {
				done[f.operation.Kind]++
			}
		}
		if len(r.Violations) == 0 && r.Acked < 300 {
			t.Errorf("seed %d: only %d records were acknowledged", seed, r.Acked)
		}
	}
	if len(done) != len(operations.Names()) {
		t.Errorf("only these were done: %v", done)
	}
	t.Log(done)
}

// many are the first numbers.
func many(n uint64) (all []uint64) {
	for i := range n {
		all = append(all, i)
	}
	return all
}

// TestASeedRepeats runs seeds twice: all that happens is the same, as the hash over all of it
// shows; another seed is another run.
func TestASeedRepeats(t *testing.T) {
	var before Report
	for seed := uint64(100); seed < 106; seed++ {
		o := Options{Seed: seed, For: time.Minute}
		if seed >= 104 {
			o.Operations = 25
		}
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
