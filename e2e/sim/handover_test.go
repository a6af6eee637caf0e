package sim

import (
	"testing"
	"time"

	"github.com/troupe-mq/troupe/e2e/operations"
)

// pulse writes to a partition all the time, to whoever leads it, until over says so, and returns
// the longest time in which nothing was acknowledged.
func pulse(c *client, at partition, over *bool) (longest time.Duration, until instant) {
	w := c.world
	last := instant(0)
	for !*over && !w.load.quiet {
		if n, ok := c.leaders[at]; !ok || w.machines[n].process == nil || !w.machines[n].process.open {
			c.refresh()
		}
		if _, ok := c.leaders[at]; !ok {
			c.wait(3 * time.Millisecond)
			continue
		}
		p := c.pack(at, false)
		if c.ship(p) {
			if o := c.outcome(p); o.code == 0 && o.noted == nil {
				w.acked(p, o.base)
				if d := time.Duration(w.now - last); last > 0 && d > longest {
					longest, until = d, w.now
				}
				last = w.now
			}
		}
		c.wait(2 * time.Millisecond)
	}
	return longest, until
}

// unwritable is the longest virtual time for which a partition may take no records while it is
// handed over as planned.
const unwritable = 100 * time.Millisecond

// TestPlannedHandOversAreShort: an operator has nodes join and leave, restarts them in order, takes
// them out of the lead and reassigns partitions. Nothing fails meanwhile, so no partition is
// without a leader that takes records for longer than a hand-over takes.
func TestPlannedHandOversAreShort(t *testing.T) {
	planned := []string{"join", "decommission", "maintenance", "reassign", "readers", "restart"}
	for seed := range seeds(2) {
		r := run(Options{Seed: seed, World: "plain", Operations: 12}, func(w *World) []Fault {
			w.pace = 1
			plan := w.arranged(operations.Plan(w.random, operations.Cluster{Partitions: mainPartitions, Replicas: w.replicas, Members: []int{0, 1, 2}}, 12, planned))
			for i := range plan {
				plan[i].Number = i + 1
			}
			w.begun()
			w.run(instant(15 * time.Second))
			over := false
			for n := range int32(mainPartitions) {
				w.spawn("pulse", func(c *client) {
					longest, until := pulse(c, partition{mainTopic, n}, &over)
					t.Logf("seed %d: partition %d took nothing for %s at most, until %s", seed, n, longest, time.Duration(until))
					if longest > unwritable {
						t.Errorf("seed %d: partition %d took nothing for %s, until %s", seed, n, longest, time.Duration(until))
					}
				})
			}
			w.operate(plan)
			over = true
			w.run(w.now.plus(5 * time.Second))
			return plan
		})
		for _, v := range r.Violations {
			t.Errorf("seed %d: %v", seed, v)
		}
	}
}
