package sim

import (
	"fmt"
	"slices"
	"time"

	"github.com/troupe-mq/troupe/actors/health"
	"github.com/troupe-mq/troupe/e2e/operations"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// operating draws what an operator does in a world, and makes the machines that it will bring.
// Without other troubles it is all there is.
func (w *World) operating() []Fault {
	if w.options.Nodes < operations.Fewest || w.options.Nodes > operations.Most {
		return nil
	}
	c := operations.Cluster{Partitions: mainPartitions, Replicas: w.replicas}
	for _, id := range w.order {
		c.Members = append(c.Members, int(id))
	}
	if n := w.options.Operations; n > 0 {
		return w.arranged(operations.Plan(w.random, c, n, operations.Names()))
	}
	if w.chance(3) && !w.kind.restless {
		return nil
	}
	gap := (10*time.Second + w.upTo(30*time.Second)) * time.Duration(w.pace)
	// faults do the rest
	kinds := []string{"join", "decommission", "cancel", "maintenance", "reassign", "readers"}
	if w.kind.restless {
		gap /= 4
		kinds = append(kinds, "reassign", "reassign", "reassign", "reassign")
	}
	plan := w.arranged(operations.Plan(w.random, c, int(w.options.For/gap), kinds))
	for i := range plan {
		plan[i].At = 6*time.Second + gap*time.Duration(i) + w.upTo(gap)
	}
	return plan
}

// arranged makes operations parts of a world's plan.
func (w *World) arranged(ops []operations.Operation) (plan []Fault) {
	for _, op := range ops {
		w.operated = true
		id := metadata.NodeID(op.Node)
		if op.Kind == "join" {
			w.machines[id] = &machine{id: id, disk: newDisk(), absent: true, joins: true}
		}
		plan = append(plan, Fault{At: never, What: "an operator's " + op.String(), operation: &op, begin: func(w *World) {
			w.spawn("operator", func(c *client) {
				o := &operator{client: c, patience: briefly}
				err := o.perform(op)
				w.note(w.clients, "an operator's %s: %v", op, err)
			})
		}})
	}
	return plan
}

// operate carries the plan out, one operation after the other, each until the cluster is calm
// again. In the end it must be even.
func (w *World) operate(plan []Fault) {
	over := false
	w.spawn("operator", func(c *client) {
		o := &operator{client: c, thorough: true, patience: thoroughly}
		for c.ids[mainTopic] == [16]byte{} {
			c.refresh()
			c.wait(time.Second)
		}
		for i := range plan {
			if f := &plan[i]; !w.left(f.Number) {
				f.At = time.Duration(w.now)
				w.event(w.clients, "operation")
				w.note(w.clients, "OPERATION %s", *f)
				o.must(f.What, o.perform(*f.operation))
				// some begin while what the one before has brought about is not yet over
				o.rest(2 * time.Second)
				o.must("calm after "+f.String(), o.until(o.calm))
			}
		}
		if w.resting != nil {
			o.must("the end of maintenance", o.maintain(w.resting))
		}
		o.must("an even cluster at the end", o.until(o.even))
		over = true
	})
	for !over && !w.over {
		w.run(w.now.plus(time.Second))
	}
}

// must ends the world if something did not come about. In a plan that parts were left out of, some
// is impossible: it is refused.
func (o *operator) must(what string, err error) {
	if w := o.world; err != nil && !(refused(err) && len(w.options.Without) > 0) {
		w.survey()
		w.violate(Converges, "%s: %v", what, err)
	}
}

// calm tells why the cluster is not: all that is there serves, and it says of itself that all is
// well and nothing moves.
func (o *operator) calm() error {
	for _, m := range o.world.members() {
		if err := o.serves(m); err != nil {
			return err
		}
		if err := m.process.node.Unready(); err != nil {
			return fmt.Errorf("%s: %w", m.name(), err)
		}
	}
	return o.healthy(func(h health.Cluster) error {
		if !h.Healthy || h.Partitions.Moving > 0 || h.Partitions.UnderReplicated > 0 {
			return fmt.Errorf("%d move, %d under-replicated; %+v", h.Partitions.Moving, h.Partitions.UnderReplicated, h.Problems)
		}
		return nil
	})
}

// even reports whether some node has two replicas more than another, or leads two partitions more.
func (o *operator) even() error {
	if err := o.calm(); err != nil {
		return err
	}
	return o.healthy(func(h health.Cluster) error {
		var replicas, leaders []int
		for _, n := range h.Nodes {
			replicas, leaders = append(replicas, n.Replicas), append(leaders, n.Leaders)
		}
		if !within(replicas) || !within(leaders) {
			return fmt.Errorf("replicas by node %v, leaders %v", replicas, leaders)
		}
		return nil
	})
}

// within reports whether numbers are the same, give or take one.
func within(all []int) bool { return slices.Max(all)-slices.Min(all) <= 1 }

// lopsided tells how the replicas of an image are not spread evenly over its nodes, and what is
// still to leave.
func lopsided(i *metadata.Image) string {
	replicas := make(map[metadata.NodeID]int)
	for id, n := range i.Nodes {
		if !n.Home() {
			return fmt.Sprintf("n%d is %s", id, n.State)
		}
		replicas[id] = 0
	}
	for _, t := range i.Topics {
		for _, p := range t.Partitions {
			if p.Moving() {
				return fmt.Sprintf("%s-%d moves", t.Name, p.Index)
			}
			for _, r := range p.Replicas {
				replicas[r.Node]++
			}
		}
	}
	var all []int
	for _, n := range replicas {
		all = append(all, n)
	}
	if !within(all) {
		return fmt.Sprintf("replicas by node: %v", replicas)
	}
	return ""
}
