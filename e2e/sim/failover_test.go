package sim

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

const crowdedTopic, crowdedPartitions = "many", 120

// TestADeadNodesPartitionsAreLedAgain: a node that leads a third of many partitions is killed. All
// of them are led again within a second, by the first election and not after the time that a silent
// leader is given, and no other partition changes its leader.
func TestADeadNodesPartitionsAreLedAgain(t *testing.T) {
	for seed := range uint64(2) {
		r := run(Options{Seed: seed, World: "plain", Without: everybody()}, func(w *World) []Fault {
			w.pace = 1
			before := w.crowded(t)
			dead := w.machines[w.order[0]]
			killed := w.now
			w.crash(dead, keepsSome, "it is killed")
			for w.now < killed.plus(time.Second) {
				w.run(w.now.plus(10 * time.Millisecond))
				for s, leader := range w.leaders() {
					if before[s] != dead.id && leader != before[s] {
						t.Errorf("seed %d: shard %d was led by n%d, and is by n%d since n%d is dead", seed, s, before[s], leader, dead.id)
						before[s] = leader
					}
				}
			}
			if led := len(w.leaders()); led != crowdedPartitions {
				t.Errorf("seed %d: a second after n%d died %d of %d partitions are led", seed, dead.id, led, crowdedPartitions)
			}
			return nil
		})
		for _, v := range r.Violations {
			t.Errorf("seed %d: %v", seed, v)
		}
	}
}

// everybody are the numbers of all clients.
func everybody() (all []int) {
	for i := range everyday {
		all = append(all, -1-i)
	}
	return all
}

// crowded makes the partitions and tells who leads them once all are led, the dead node of the
// story a third of them.
func (w *World) crowded(t *testing.T) map[storage.ShardID]metadata.NodeID {
	w.begun()
	w.run(instant(8 * time.Second))
	w.spawn("creator", func(c *client) {
		topic := kmsg.NewCreateTopicsRequestTopic()
		topic.Topic, topic.NumPartitions, topic.ReplicationFactor = crowdedTopic, crowdedPartitions, 3
		r := kmsg.NewPtrCreateTopicsRequest()
		r.Version, r.TimeoutMillis, r.Topics = 7, 5000, append(r.Topics, topic)
		for w.image().Topics[crowdedTopic] == nil {
			c.ask(c.anyone(), r)
			c.rest(time.Second)
		}
	})
	w.run(instant(20 * time.Second))
	led := w.leaders()
	if len(led) != crowdedPartitions {
		t.Fatalf("%d of %d partitions are led", len(led), crowdedPartitions)
	}
	each := make(map[metadata.NodeID]int)
	for _, n := range led {
		each[n]++
	}
	if n := each[w.order[0]]; n != crowdedPartitions/3 {
		t.Fatalf("n%d leads %d of %d partitions", w.order[0], n, crowdedPartitions)
	}
	return led
}

// leaders tells where the partitions of the crowded topic are led.
func (w *World) leaders() map[storage.ShardID]metadata.NodeID {
	led := make(map[storage.ShardID]metadata.NodeID)
	for _, m := range w.up() {
		topic := m.process.node.Image().Topics[crowdedTopic]
		if topic == nil {
			continue
		}
		for _, p := range topic.Partitions {
			if ref := m.process.node.Replica(p.Shard); ref != nil && ref.View().Role == replica.Leader {
				led[p.Shard] = m.id
			}
		}
	}
	return led
}
