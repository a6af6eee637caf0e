package sim

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/raft"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// handover is how long a partition that is handed over as planned may be without a leader, as seen by looking now and then.
const handover = 100*time.Millisecond + 2*lookEvery

// lookEvery is how often the test looks.
const lookEvery = 10 * time.Millisecond

// TestMovesCostNoLeader: five healthy nodes, whose partitions are given other replicas and other leaders all the time while clients work, and a topic is deleted and made again. No
// partition is without a leader for longer than a planned hand-over may take.
func TestMovesCostNoLeader(t *testing.T) {
	for seed := range uint64(1) {
		var gaps *gaps
		r := run(Options{Seed: seed, World: "plain", Nodes: 5}, func(w *World) []Fault {
			w.pace = 1
			w.begun()
			w.run(instant(8 * time.Second))
			w.spawn("creator", func(c *client) { c.create(crowdedTopic, 12) })
			w.run(instant(15 * time.Second))
			gaps = watchGaps(w)
			w.spawn("mover", mover)
			w.spawn("deleter", func(c *client) {
				for !w.load.quiet {
					c.create("side", 4)
					c.rest(3 * time.Second)
					c.deleteTopic("side")
					c.rest(time.Second)
				}
			})
			for at := w.now; at < instant(45*time.Second); at = at.plus(lookEvery) {
				w.run(at)
				gaps.look(at)
			}
			return nil
		})
		for _, v := range r.Violations {
			t.Errorf("seed %d: %v", seed, v)
		}
		t.Logf("seed %d: %d leaders followed one another, the longest pause was %s", seed, gaps.changes, gaps.longest)
		if gaps.changes < 50 {
			t.Errorf("seed %d: only %d leaders followed one another: the test proves little", seed, gaps.changes)
		}
		for _, g := range gaps.long {
			t.Errorf("seed %d: %s", seed, g)
		}
	}
}

// create makes a topic of three replicas.
func (c *client) create(name string, partitions int32) {
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, partitions, 3
	r := kmsg.NewPtrCreateTopicsRequest()
	r.Version, r.TimeoutMillis, r.Topics = 7, 5000, append(r.Topics, topic)
	for c.world.image().Topics[name] == nil {
		c.ask(c.anyone(), r)
		c.rest(time.Second)
	}
}

// mover gives partitions other replicas, in any order: the first shall lead.
func mover(c *client) {
	for !c.world.load.quiet {
		topic := []string{crowdedTopic, mainTopic}[c.world.pick(2)]
		t := c.world.image().Topics[topic]
		if t == nil {
			c.rest(time.Second)
			continue
		}
		r := kmsg.NewPtrAlterPartitionAssignmentsRequest()
		r.TimeoutMillis = 5000
		rt := kmsg.NewAlterPartitionAssignmentsRequestTopic()
		rt.Topic = topic
		for range 4 {
			p := kmsg.NewAlterPartitionAssignmentsRequestTopicPartition()
			p.Partition = int32(c.world.pick(len(t.Partitions)))
			for _, n := range c.world.random.Perm(len(c.world.order))[:3] {
				p.Replicas = append(p.Replicas, int32(c.world.order[n]))
			}
			rt.Partitions = append(rt.Partitions, p)
		}
		r.Topics = append(r.Topics, rt)
		if a, err := c.ask(c.anyone(), r); err == nil {
			c.world.note(c.world.clients, "a move: %v", kerr.ErrorForCode(a.(*kmsg.AlterPartitionAssignmentsResponse).ErrorCode))
		}
		c.rest(400 * time.Millisecond)
	}
}

// gaps follows for how long partitions have no leader.
type gaps struct {
	w       *World
	now     instant
	led     map[storage.ShardID]led
	longest time.Duration
	changes int
	long    []string
}

// led is who led a shard last, and until when.
type led struct {
	by    metadata.NodeID
	until instant
}

func watchGaps(w *World) *gaps { return &gaps{w: w, led: make(map[storage.ShardID]led)} }

// look notes who leads what and takes what it is given, and which leaderships came to other nodes.
func (g *gaps) look(at instant) {
	g.now = at
	i := g.w.image()
	for _, name := range slices.Sorted(maps.Keys(i.Topics)) {
		for _, p := range i.Topics[name].Partitions {
			for _, m := range g.w.up() {
				ref := m.process.node.Replica(p.Shard)
				switch {
				case ref == nil || ref.View().Role != replica.Leader:
				case ref.Idle():
					g.seen(p, m.id)
				default: // while it hands over, it takes nothing
					ref.Send(&replica.Observe{Done: func(s replica.Standing) {
						if s.Role == raft.Leader && s.Transferee == 0 {
							g.seen(p, m.id)
						}
					}})
				}
			}
		}
	}
}

func (g *gaps) seen(p *metadata.Partition, by metadata.NodeID) {
	before, ok := g.led[p.Shard]
	g.led[p.Shard] = led{by, g.now}
	if !ok {
		return
	}
	if before.by != by {
		g.changes++
	}
	pause := time.Duration(g.now - before.until)
	g.longest = max(g.longest, pause)
	if pause > handover {
		g.long = append(g.long, time.Duration(before.until).String()+": "+fmt.Sprintf("%s-%d", p.Topic, p.Index)+" had no leader for "+pause.String())
	}
}
