package supervisor

import (
	"testing"

	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// A replica that pulls a log is on its way all the time, though its leader knows nothing of it
// until all has come.
func TestProgressOfAPullIsSeen(t *testing.T) {
	h := newHouse(t, nodes(4, 0)...)
	h.topic("t", []metadata.NodeID{1, 2, 3})
	p := h.image().Partition("t", 0)
	move := metadata.AlterReplicas{Shard: p.Shard}
	for _, n := range []metadata.NodeID{1, 2, 4} {
		move.Targets = append(move.Targets, metadata.Target{Node: n})
	}
	h.must(metadata.Command{AlterReplicas: &move})
	comes := h.image().Partition("t", 0).Replicas[2].ID
	led := Report{Shard: p.Shard, Bytes: 1000, Last: 150, Start: 50, Matches: []Match{{Replica: comes}}}
	s := New(DefaultLimits)
	look := func(pulled uint64) Moving {
		t.Helper()
		in := Input{Image: h.image(), Usable: h.usable, Seconds: 1, Reports: []Report{led}}
		if pulled > 0 { // told before and after the leader's word: nodes answer in any order
			in.Reports = []Report{{Shard: p.Shard, Pulled: &Match{comes, pulled}}, led, {Shard: p.Shard + 1, Pulled: &Match{storage.ReplicaID(1), 1}}}
		}
		out := s.Look(in)
		if len(out.Status.Moving) != 1 {
			t.Fatalf("%+v", out.Status)
		}
		return out.Status.Moving[0]
	}
	if m := look(0); m.Done != 0 || m.BytesLeft != 1000 {
		t.Errorf("before anything came: %+v", m)
	}
	if m := look(80); m.Done != 0.3 || m.BytesLeft != 700 || s.meter.rate != 300*smooth {
		t.Errorf("with 30 of 100 entries: %+v, %f bytes a second", m, s.meter.rate)
	}
	if m := look(140); m.Done != 0.9 || m.BytesLeft != 100 {
		t.Errorf("with 90 of 100 entries: %+v", m)
	}
	if m := look(0); m.Done != 0.9 || m.BytesLeft != 100 {
		t.Errorf("when it has stopped to tell, and its leader knows nothing yet: %+v", m)
	}
	led.Matches[0].Upto = 150
	if m := look(0); m.Done != 1 || m.BytesLeft != 0 {
		t.Errorf("when all has come: %+v", m)
	}
	h.settle()
	if s.Look(Input{Image: h.image(), Usable: h.usable, Seconds: 1}); len(s.meter.pulled) > 0 {
		t.Errorf("it is remembered for ever: %v", s.meter.pulled)
	}
}
