package raft

import (
	"slices"
	"testing"

	"go.etcd.io/raft/v3/raftpb"
)

// snapshotFor lets time pass until the leader has sent a snapshot to a member, and returns it
// instead of delivering it. Heartbeats until then tell the member nothing.
func (w *world) snapshotFor(m *member) *raftpb.Message {
	w.t.Helper()
	for range 1000 {
		for i, p := range w.network {
			msg, ok := p.what.(*raftpb.Message)
			switch {
			case !ok || p.to != m.id:
			case msg.GetType() == raftpb.MsgSnap:
				w.network = slices.Delete(w.network, i, i+1)
				return msg
			case msg.GetType() == raftpb.MsgHeartbeat:
				msg.Commit = new(uint64(0))
			}
		}
		if len(w.network) == 0 {
			w.tickAll()
		}
		w.deliver(false)
		for _, other := range w.members {
			for len(other.queue) > 0 {
				w.sync(other)
				w.settle(other)
			}
		}
	}
	w.t.Fatal("no snapshot was sent")
	return nil
}

// entriesAfter is the append with which the leader goes on after an index.
func (w *world) entriesAfter(leader *member, m *member, index uint64) *raftpb.Message {
	w.t.Helper()
	s := leader.replica.Status()
	entries, err := leader.disk.Entries(leader.id, index, s.Last+1, 1<<40)
	if err != nil {
		w.t.Fatal(err)
	}
	return &raftpb.Message{
		Type: raftpb.MsgApp.Enum(), From: new(uint64(leader.id)), To: new(uint64(m.id)), Term: new(s.Term),
		Index: new(index), LogTerm: entries[0].Term, Entries: entries[1:], Commit: new(s.Commit),
	}
}

// pullAllButTheLast lets a member pull a log until only its last piece is not durable.
func (w *world) pullAllButTheLast(m *member) {
	w.t.Helper()
	p := &m.replica.pull
	for range 10_000 {
		last := p.offer != nil && p.got == p.upto && p.under == 1 && len(m.queue) == 1
		if last {
			return
		}
		if len(w.network) == 0 {
			w.tickAll()
		}
		w.deliver(false)
		for _, other := range w.members {
			if len(other.queue) > 0 && (other != m || p.got != p.upto || len(m.queue) > 1) {
				w.sync(other)
				w.settle(other)
			}
		}
	}
	w.t.Fatalf("the log is not being pulled: %+v", m.replica.Status())
}

// TestAPowerLossWithinARestore has a snapshot and the entries after it take effect in one turn: two
// writes. The power goes between them, and what the first one says must be true by itself.
func TestAPowerLossWithinARestore(t *testing.T) {
	w, leader, late := behind(t, 100)
	w.pullAllButTheLast(late)
	w.network = nil
	leader.replica.Propose([]byte("12345678"))
	w.settle(leader)
	for range 20 { // the others have it
		w.network = slices.DeleteFunc(w.network, func(p packet) bool { return p.to == late.id })
		w.deliver(false)
		for _, m := range w.members[:2] {
			w.sync(m)
			w.settle(m)
		}
	}
	next := w.entriesAfter(leader, late, late.replica.pull.upto.Index)
	w.sync(late) // the log that belongs to the snapshot is whole
	if err := late.replica.Step(next); err != nil {
		t.Fatal(err)
	}
	w.settle(late)
	if len(late.queue) != 2 || len(late.queue[1].Entries) == 0 {
		t.Fatalf("the turn led to %d writes", len(late.queue))
	}
	for i, a := range late.queue {
		if a.State.Commit > a.State.Last.Index {
			t.Errorf("write %d says that %d is committed, and its log ends at %d", i, a.State.Commit, a.State.Last.Index)
		}
	}
	w.reach(late)
	w.crash(late)
	w.network = nil
	w.start(late)
	w.caughtUp(leader, late)
}

// TestMembersChangeInTheTurnOfARestore has a follower learn in one turn that a change of members is
// committed, and a snapshot from far ahead. The checkpoint that the change calls for must not ask
// the log that the snapshot replaces.
func TestMembersChangeInTheTurnOfARestore(t *testing.T) {
	w := newWorld(t, 1, false)
	leader, late := w.elect(), w.members[2]
	w.grow(leader, 8)
	change := &raftpb.ConfChangeV2{Changes: []*raftpb.ConfChangeSingle{{Type: raftpb.ConfChangeAddLearnerNode.Enum(), NodeId: new(uint64(4))}}}
	w.start(w.add(Join(7, 4)))
	if !leader.replica.ProposeMembers(change) {
		t.Fatal("refused")
	}
	w.settle(leader)
	at := leader.replica.Status().Last
	w.drainBut(func(m *raftpb.Message) bool { return m.GetTo() == uint64(late.id) && m.GetCommit() >= at })
	if s := late.replica.Status(); s.Last != at || s.Commit >= at {
		t.Fatalf("the follower is at %+v, the change at %d", s, at)
	}
	heartbeat := &raftpb.Message{
		Type: raftpb.MsgHeartbeat.Enum(), From: new(uint64(leader.id)), To: new(uint64(late.id)), Term: new(leader.replica.Status().Term), Commit: new(at),
	}
	old := late.replica
	w.crash(late) // it hears nothing for a while
	// so the log of the snapshot begins before what the machine still needs
	leader.replica.pin(2, pin{from: at + 40})
	w.grow(leader, 200)
	late.replica = old
	leader.replica.Unreachable(late.id)
	leader.replica.log.chunkBytes = DefaultChunkBytes
	snap := w.snapshotFor(late)
	for _, m := range []*raftpb.Message{heartbeat, snap} {
		if err := late.replica.Step(m); err != nil {
			t.Fatal(err)
		}
	}
	fx, err := late.replica.Ready()
	if err != nil {
		t.Fatal(err)
	}
	late.queue = append(late.queue, fx.Writes...)

	if !late.replica.Restoring() {
		t.Fatalf("the snapshot is not on its way: %+v", late.replica.Status())
	}
	w.drain()
	w.caughtUp(leader, late)
	if len(late.replica.Members().GetLearners()) != 1 {
		t.Fatalf("members %v", late.replica.Members())
	}
}

// TestASnapshotMeetsATruncation has the entry of a snapshot on the disk of a follower, and its
// truncation on the way there. The follower does not hold the entry any more: what goes with the
// snapshot has to be pulled.
func TestASnapshotMeetsATruncation(t *testing.T) {
	w := newWorld(t, 1, false)
	leader, m := w.elect(), w.members[1]
	w.grow(leader, 8)
	s := leader.replica.Status()
	before := w.entriesAfter(leader, m, s.Last)
	append := func(term uint64, n int) *raftpb.Message {
		msg := &raftpb.Message{
			Type: raftpb.MsgApp.Enum(), From: new(uint64(3)), To: new(uint64(m.id)), Term: new(term), Index: new(s.Last), LogTerm: before.LogTerm, Commit: new(s.Commit),
		}
		for i := range uint64(n) {
			msg.Entries = slices.Concat(msg.Entries, []*raftpb.Entry{{Type: raftpb.EntryNormal.Enum(), Index: new(s.Last + 1 + i), Term: new(term), Data: []byte("12345678")}})
		}
		return msg
	}
	step := func(msg *raftpb.Message) {
		t.Helper()
		if err := m.replica.Step(msg); err != nil {
			t.Fatal(err)
		}
		w.settle(m)
	}
	step(append(s.Term+1, 3))
	for len(m.queue) > 0 {
		w.sync(m)
		w.settle(m)
	}
	step(append(s.Term+2, 1)) // the disk stalls
	at := s.Last + 3
	p := payload{start: leader.replica.Start(), machine: (&ledger{index: at}).Snapshot()}
	step(&raftpb.Message{
		Type: raftpb.MsgSnap.Enum(), From: new(uint64(1)), To: new(uint64(m.id)), Term: new(s.Term + 3),
		Snapshot: &raftpb.Snapshot{Data: p.encode(), Metadata: &raftpb.SnapshotMetadata{ConfState: m.replica.Members(), Index: new(at), Term: new(s.Term + 1)}},
	})
	if _, upto, ok := m.replica.Pulling(); !ok || upto != at {
		t.Fatalf("the log is not being pulled: %+v", m.replica.Status())
	}
}
