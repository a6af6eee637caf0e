package raft

import (
	"slices"
	"testing"

	"go.etcd.io/raft/v3/raftpb"
)

// TestATransfereeThatKnowsLessIsElected hands leadership over right behind an entry, and loses what
// tells the next leader that it is committed. Those who vote for it know, and say so; that must not
// end the candidacy: the shard would be without a leader until an election times out.
func TestATransfereeThatKnowsLessIsElected(t *testing.T) {
	w := newWorld(t, 1, false)
	leader := w.elect()
	w.drain()
	leader.replica.Propose([]byte("12345678"))
	w.settle(leader)
	w.drainBut(func(m *raftpb.Message) bool { return m.GetTo() == 2 && m.GetCommit() >= leader.replica.Status().Last })
	leader.replica.Transfer(2)
	w.settle(leader)
	w.drain()
	if s := w.members[1].replica.Status(); s.Role != Leader {
		t.Fatalf("leadership was handed over, and nobody leads: %+v", w.states())
	}
}

// drainBut is drain on a network that loses some messages.
func (w *world) drainBut(lost func(*raftpb.Message) bool) {
	for moved := true; moved; {
		w.network = slices.DeleteFunc(w.network, func(p packet) bool {
			m, ok := p.what.(*raftpb.Message)
			return ok && lost(m)
		})
		moved = len(w.network) > 0
		w.deliver(false)
		for _, m := range w.members {
			for len(m.queue) > 0 {
				w.sync(m)
				w.settle(m)
				moved = true
			}
		}
	}
}
