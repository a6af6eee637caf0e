package sim

import (
	"time"

	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/e2e/operations"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// jostle moves replicas of partitions that nobody writes to while their leaderships are handed over
// and all disks are slow. Nothing comes after it that would bring on a change of members which got
// stuck.
func jostle() Fault {
	return Fault{What: "idle partitions are moved and handed over at once, on slow disks", late: true, begin: func(w *World) {
		w.slowDisks(true)
		w.after(6*time.Second, func() { w.slowDisks(false) })
		for range 8 {
			w.after(w.upTo(5*time.Second), func() {
				at := partition{w.kind.topics[0].name, int32(w.pick(int(w.kind.topics[0].partitions)))}
				w.spawn("operator", func(c *client) {
					o := &operator{client: c, patience: briefly}
					_ = o.reassignTo(at.topic, operations.Operation{Partition: at.number, Replicas: w.anyNodes()})
				})
				for range 3 {
					w.after(w.upTo(2*time.Second), func() { w.handOver(at) })
				}
			})
		}
	}}
}

func (w *World) slowDisks(slow bool) {
	for _, m := range w.members() {
		m.disk.slow = slow
	}
}

// anyNodes are nodes for as many replicas as a topic has.
func (w *World) anyNodes() (nodes []int) {
	var home []metadata.NodeID
	image := w.anImage()
	for _, id := range w.order {
		if n := image.Nodes[id]; n != nil && n.Home() {
			home = append(home, id)
		}
	}
	for _, i := range w.random.Perm(len(home))[:min(w.replicas, len(home))] {
		nodes = append(nodes, int(home[i]))
	}
	return nodes
}

// handOver has the leader of a partition hand it over.
func (w *World) handOver(at partition) {
	for _, m := range w.up() {
		p := m.process
		if p.node == nil || p.paused {
			continue
		}
		w.within(p, func() {
			part := p.node.Image().Partition(at.topic, at.number)
			if part == nil {
				return
			}
			if ref := p.node.Replica(part.Shard); ref != nil && ref.View().Role == replica.Leader {
				ref.Send(&replica.Transfer{})
			}
		})
	}
}
