package raft

import (
	"testing"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

// beat takes a message that an idle member expects, as a node does: now and then it is stepped, to
// see that it changes nothing and is answered with what Idle said; else it is noted, and the answer
// sent.
func (w *world) beat(to *member, m *raftpb.Message) bool {
	for _, b := range to.beats {
		if !b.Expects(m) {
			continue
		}
		if w.rng.Intn(2) == 0 {
			w.changesNothing(to, b, m)
			return true
		}
		w.beats++
		to.heard = append(to.heard, b.In)
		if to.replica.Status().Role != Leader {
			w.network = append(w.network, packet{b.With, b.Out})
		}
		return true
	}
	return false
}

func (w *world) changesNothing(to *member, b Beat, m *raftpb.Message) {
	before := to.replica.Status()
	if err := to.replica.Step(m); err != nil {
		w.t.Fatalf("replica %d: %v", to.id, err)
	}
	fx, err := to.replica.Ready()
	if err != nil || len(fx.Writes)+len(fx.Applied)+len(fx.Pulls) > 0 || to.replica.Status() != before {
		w.t.Fatalf("replica %d was idle as %+v, and %v led to %+v, %+v, %v", to.id, before, m, to.replica.Status(), fx, err)
	}
	switch n := len(fx.Messages); {
	case before.Role == Leader && n == 0:
	case before.Role != Leader && n == 1 && proto.Equal(fx.Messages[0], b.Out):
		w.network = append(w.network, packet{b.With, b.Out})
	default:
		w.t.Fatalf("replica %d was idle as %+v, and answers %v with %v, not with %v", to.id, before, m, fx.Messages, b.Out)
	}
}

// tick has time go on, and the member hear before of what was only noted.
func (w *world) tick(m *member) {
	for _, h := range m.heard {
		if err := m.replica.Step(h); err != nil {
			w.t.Fatalf("replica %d: %v", m.id, err)
		}
	}
	m.heard = nil
	m.replica.Tick()
}

// quiet runs the shard without faults and proposals until every member is idle.
func (w *world) quiet() {
	for range 200_000 {
		w.step(false)
		idle := 0
		for _, m := range w.members {
			if m.replica != nil && m.beats != nil {
				idle++
			}
		}
		if idle == len(w.members) {
			return
		}
	}
	w.t.Fatalf("the members do not become idle: %v", w.states())
}

func TestMembersBecomeIdle(t *testing.T) {
	beats := 0
	for seed := range int64(20) {
		w := newWorld(t, seed, seed%2 == 0)
		for range 3000 {
			w.step(true)
		}
		w.heal()
		w.quiet()
		for range 3000 {
			w.step(false)
		}
		w.quiet()
		beats += w.beats
	}
	if beats < 100 {
		t.Fatalf("%d beats were not stepped: that proves little", beats)
	}
}

// An idle leader that a new entry finds is idle no more, nor is one whose follower was not heard
// of.
func TestWhoIsNotIdle(t *testing.T) {
	w := newWorld(t, 1, false)
	w.quiet()
	var leader *member
	for _, m := range w.members {
		if m.replica.Status().Role == Leader {
			leader = m
		}
	}
	if n := len(leader.replica.Idle()); n != 2 {
		t.Fatalf("the idle leader has %d beats", n)
	}
	for range leader.replica.limits.HeartbeatTicks + 1 {
		w.tick(leader)
		w.settle(leader)
	}
	if leader.beats != nil {
		t.Error("a leader that heard of nobody since the heartbeat before the last is idle")
	}
	w.network = nil
	w.quiet()
	w.propose(leader)
	w.settle(leader)
	if leader.beats != nil {
		t.Error("a leader with an entry that is not committed is idle")
	}
}
