package raft

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/storage"
)

// grow has the leader append n values, a few at a time, and delivers all that follows.
func (w *world) grow(leader *member, n int) {
	w.t.Helper()
	for range n / 4 {
		var data [][]byte
		for range 4 {
			w.next++
			data = append(data, binary.BigEndian.AppendUint64(nil, w.next))
		}
		if _, ok := leader.replica.Propose(data...); !ok {
			w.t.Fatal("a proposal was dropped")
		}
		w.settle(leader)
		w.drain()
	}
}

// behind makes a world in which the third member was away while the log was trimmed past where it
// stood, and is back.
func behind(t *testing.T, values int) (w *world, leader, late *member) {
	t.Helper()
	w = newWorld(t, 1, false)
	leader, late = w.elect(), w.members[2]
	w.grow(leader, 8)
	w.crash(late)
	w.grow(leader, values)
	if w.held(leader).Start.Index <= w.held(late).Last.Index {
		t.Fatalf("the log was not trimmed past the late replica: %+v, %+v", w.held(leader), w.held(late))
	}
	w.start(late)
	return w, leader, late
}

// pass lets time pass: a tick for everybody, and all that follows from it.
func (w *world) pass(ticks int) {
	for range ticks {
		for _, m := range w.members {
			if m.replica != nil {
				m.replica.Tick()
				w.settle(m)
			}
		}
		w.drain()
	}
}

// caughtUp lets time pass until a member has applied all that the leader has, and compares the
// logs.
func (w *world) caughtUp(leader, m *member) {
	w.t.Helper()
	for range 1000 {
		if m.replica.Status().Applied == leader.replica.Status().Last {
			w.checkLogs()
			return
		}
		w.pass(1)
	}
	w.t.Fatalf("it did not catch up: %+v, the leader is at %+v", m.replica.Status(), leader.replica.Status())
}

func TestALogIsPulledWithItsSnapshot(t *testing.T) {
	w, leader, late := behind(t, 200)
	w.caughtUp(leader, late)
	if s := w.held(late); s.Generation != 1 || s.Next != (storage.Stretch{}) || s.Last.Index-s.Start.Index < 20 {
		t.Fatalf("the late replica holds %+v", s)
	}
	if w.pulled != 1 || w.pulls < 3 {
		t.Fatalf("%d logs pulled with %d pulls", w.pulled, w.pulls)
	}
	w.crash(late)
	w.start(late) // what was pulled is what it opens with
	w.caughtUp(leader, late)
}

// TestASmallLogTravelsWithItsSnapshot is the same with chunks so large that nothing has to be
// pulled.
func TestASmallLogTravelsWithItsSnapshot(t *testing.T) {
	w, leader, late := behind(t, 100)
	leader.replica.log.chunkBytes = DefaultChunkBytes
	w.caughtUp(leader, late)
	if s := w.held(late); w.pulls != 0 || s.Generation != 1 || s.Last.Index-s.Start.Index < 20 {
		t.Fatalf("%d pulls, and the late replica holds %+v", w.pulls, s)
	}
}

// TestAPullIsTakenUpWhereItWas crashes the receiver after every write, and expects that it never
// begins anew.
func TestAPullIsTakenUpWhereItWas(t *testing.T) {
	w, leader, late := behind(t, 200)
	var had uint64
	for round := 0; w.held(late).Generation == 0; round++ {
		if round > 100 {
			t.Fatal("it never ends")
		}
		for !w.writesOne(late) {
			w.tickAll()
		}
		next := w.held(late).Next
		if w.held(late).Generation == 0 && next.Last.Index <= had {
			t.Fatalf("round %d: it had the log up to %d, now %+v", round, had, next)
		}
		had = next.Last.Index
		w.crash(late)
		w.network = nil
		w.start(late)
	}
	if had == 0 && w.pulls < 5 {
		t.Fatalf("%d pulls: nothing was crashed amid", w.pulls)
	}
	w.caughtUp(leader, late)
}

func (w *world) tickAll() {
	for _, m := range w.members {
		m.replica.Tick()
		w.settle(m)
	}
}

// writesOne delivers until a member has something to write for the next generation or to change to
// it, and writes one of it; false if nothing came of it.
func (w *world) writesOne(m *member) bool {
	for n := 0; n < 1000 && len(w.network) > 0; n++ {
		w.deliver(false)
		for _, other := range w.members {
			for len(other.queue) > 0 && (other != m || !pulls(w.held(m), other.queue[0])) {
				w.sync(other)
				w.settle(other)
			}
		}
		if len(m.queue) > 0 {
			w.sync(m)
			return true
		}
	}
	return false
}

// pulls reports whether an append has to do with the next generation.
func pulls(s storage.State, a storage.Append) bool {
	return len(a.NextEntries) > 0 || a.State.Generation != s.Generation
}

// TestTheSourceStartsAnew crashes the source amid a pull: it remembers nothing, and its start may
// be taken from others.
func TestTheSourceStartsAnew(t *testing.T) {
	w, leader, late := behind(t, 200)
	for w.held(late).Next.Last.Index < w.held(leader).Start.Index+20 {
		if !w.writesOne(late) {
			w.tickAll()
		}
		w.settle(late)
	}
	had := w.held(late).Next.Last.Index
	w.crash(leader)
	w.network = nil
	w.start(leader)
	next := w.members[1]
	next.replica.ForgetLeader()
	late.replica.ForgetLeader()
	next.replica.Campaign()
	w.settle(next)
	w.caughtUp(next, late)
	if w.pulled != 1 || late.replica.pull.tries > 0 {
		t.Fatalf("%d logs pulled, had up to %d", w.pulled, had)
	}
}

// TestTheSourceTrimmedMeanwhile takes the log away that is being pulled. The receiver is sent
// another snapshot.
func TestTheSourceTrimmedMeanwhile(t *testing.T) {
	w, leader, late := behind(t, 200)
	for w.held(late).Next == (storage.Stretch{}) {
		if !w.writesOne(late) {
			w.tickAll()
		}
		w.settle(late)
	}
	leader.replica.pins = nil // as if it had taken too long
	w.network = nil
	w.grow(leader, 200)
	if from := late.replica.pull.got.Index; from == 0 || from >= w.held(leader).Start.Index {
		t.Fatalf("the log is still there from %d on: %+v", from, w.held(leader))
	}
	w.caughtUp(leader, late)
}

// TestALogKeepsItsBeginningForWhoPullsIt lets retention go on while a receiver does not get on: the
// beginning stays until the receiver is given up, and no longer.
func TestALogKeepsItsBeginningForWhoPullsIt(t *testing.T) {
	w, leader, late := behind(t, 200)
	w.deaf = true
	for late.replica.pull.offer == nil {
		w.pass(1)
	}
	start := w.held(leader).Start.Index
	w.grow(leader, 40)
	if got := w.held(leader).Start.Index; got != start {
		t.Fatalf("the log began behind %d and now begins behind %d, while it is pulled", start, got)
	}
	w.crash(late)
	w.pass(pinTicks + 1)
	w.grow(leader, 40)
	if got := w.held(leader).Start.Index; got <= start {
		t.Fatalf("the log still begins behind %d for a replica that is gone", got)
	}
}

// TestABlankReplicaJoins adds a replica that holds nothing: it learns members and log, the part
// included that no checkpoint has.
func TestABlankReplicaJoins(t *testing.T) {
	for _, values := range []int{0, 4, 200} {
		t.Run(fmt.Sprint(values), func(t *testing.T) {
			w := newWorld(t, 1, false)
			leader := w.elect()
			w.grow(leader, values)
			m := w.add(Join(7, 4))
			w.start(m)
			change := &raftpb.ConfChangeV2{Changes: []*raftpb.ConfChangeSingle{{Type: raftpb.ConfChangeAddLearnerNode.Enum(), NodeId: new(uint64(4))}}}
			if !leader.replica.ProposeMembers(change) {
				t.Fatal("refused")
			}
			w.settle(leader)
			w.caughtUp(leader, m)
			if s := m.replica.Status(); s.Role != Learner {
				t.Fatalf("it is %+v", s)
			}
			w.grow(leader, 8)
			w.caughtUp(leader, m)
			w.crash(m)
			w.start(m)
			w.caughtUp(leader, m)
		})
	}
}

func TestABlankReplicaVotesForNobody(t *testing.T) {
	w := newWorld(t, 1, false)
	m := w.add(Join(7, 4))
	w.start(m)
	for _, kind := range []raftpb.MessageType{raftpb.MsgVote, raftpb.MsgPreVote} {
		vote := &raftpb.Message{Type: kind.Enum(), From: new(uint64(1)), To: new(uint64(4)), Term: new(uint64(9)), Index: new(uint64(99)), LogTerm: new(uint64(8))}
		if err := m.replica.Step(vote); err != nil {
			t.Fatal(err)
		}
		w.settle(m)
		for len(m.queue) > 0 {
			w.sync(m)
			w.settle(m)
		}
	}
	if len(w.network) > 0 {
		t.Fatalf("it answered: %v", w.network[0].what)
	}
}

// TestALostEndIsNoticed rolls a disk back to what it held earlier, under a leader that remembers
// what the replica had acknowledged.
func TestALostEndIsNoticed(t *testing.T) {
	w := newWorld(t, 1, false)
	leader, m := w.elect(), w.members[2]
	w.grow(leader, 8)
	old, checkpoint := w.held(m), mustCheckpoint(t, m)
	entries, err := m.disk.Entries(m.id, old.Start.Index+1, old.Last.Index+1, 1<<40)
	if err != nil {
		t.Fatal(err)
	}
	w.grow(leader, 12)
	w.crash(m)
	m.disk = newDisk(t, storage.Append{State: old, Entries: entries, Checkpoint: checkpoint})
	w.start(m)
	before := w.held(m)
	for range 10 {
		leader.replica.Tick()
		w.settle(leader)
		for len(w.network) > 0 {
			p := w.network[0]
			w.network = w.network[1:]
			to := w.members[p.to-1]
			err := w.take(to, p.what)
			if err == nil && to == m {
				var fx Effects
				fx, err = m.replica.Ready()
				if len(fx.Writes) > 0 && fx.Writes[0].State.Term < before.Term {
					t.Fatalf("it wrote %+v", fx.Writes[0].State)
				}
			}
			if err != nil {
				if to != m || !errors.Is(err, storage.ErrCorrupt) || !strings.Contains(err.Error(), "lost what was acknowledged") {
					t.Fatalf("replica %d: %v", to.id, err)
				}
				return
			}
			w.settle(to)
		}
	}
	t.Fatal("nobody noticed")
}

func mustCheckpoint(t testing.TB, m *member) *storage.Checkpoint {
	t.Helper()
	c, err := m.disk.Checkpoint(m.id)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestAHeartbeatBehindItsEntriesIsNoDoubt gives a follower entries and the heartbeat that speaks of
// them in one turn.
func TestAHeartbeatBehindItsEntriesIsNoDoubt(t *testing.T) {
	w := newWorld(t, 1, false)
	leader, m := w.elect(), w.members[1]
	leader.replica.Propose([]byte("12345678"))
	w.settle(leader)
	var entries *raftpb.Message
	for _, p := range w.network {
		if msg, ok := p.what.(*raftpb.Message); ok && p.to == m.id && msg.GetType() == raftpb.MsgApp {
			entries = msg
		}
	}
	beat := &raftpb.Message{Type: raftpb.MsgHeartbeat.Enum(), From: entries.From, To: entries.To, Term: entries.Term, Commit: new(entries.GetIndex() + 1)}
	for _, msg := range []*raftpb.Message{entries, beat} {
		if err := m.replica.Step(msg); err != nil {
			t.Fatal(err)
		}
	}
	w.settle(m)
	if s := m.replica.Status(); s.Commit != beat.GetCommit() {
		t.Fatalf("commit %d, want %d", s.Commit, beat.GetCommit())
	}
}

func TestChunksAreChecked(t *testing.T) {
	c := &Chunk{Shard: 7, To: 3, Stream: 2, Seq: 1, First: 30, Entries: []*raftpb.Entry{
		{Type: raftpb.EntryNormal.Enum(), Term: new(uint64(5)), Index: new(uint64(30)), Data: []byte("some data")},
		{Type: raftpb.EntryConfChangeV2.Enum(), Term: new(uint64(6)), Index: new(uint64(31))},
	}}
	b := c.Encode()
	got, err := ParseChunk(b)
	if err != nil || fmt.Sprint(got) != fmt.Sprint(c) {
		t.Fatalf("%v, %v", got, err)
	}
	for i := range b {
		spoiled := append([]byte(nil), b...)
		spoiled[i] ^= 1
		if got, err := ParseChunk(spoiled); err == nil {
			t.Fatalf("with byte %d flipped: %v", i, got)
		}
		if got, err := ParseChunk(b[:i]); err == nil {
			t.Fatalf("cut to %d bytes: %v", i, got)
		}
	}
}

// TestASnapshotThatIsTooOldWhenItArrives has the leader's log trimmed past a snapshot that is on
// its way, as happens when both are made in one turn.
func TestASnapshotThatIsTooOldWhenItArrives(t *testing.T) {
	w := newWorld(t, 1, true)
	leader, late := w.elect(), w.members[2]
	w.grow(leader, 8)
	w.crash(late)
	w.grow(leader, 200)
	w.start(late)
	var held packet
	for n := 0; held.what == nil; n++ {
		if n > 10_000 {
			t.Fatal("no snapshot was sent")
		}
		if len(w.network) == 0 {
			w.tickAll()
		}
		w.deliver(false)
		for i, p := range w.network {
			if m, ok := p.what.(*raftpb.Message); ok && m.GetType() == raftpb.MsgSnap {
				held = p
				w.network = append(w.network[:i:i], w.network[i+1:]...)
				break
			}
		}
	}
	l := leader.replica.pins[late.id]
	l.from = 1 << 40
	leader.replica.pins[late.id] = l
	w.grow(leader, 100)
	if at := positionOf(held.what.(*raftpb.Message)); w.held(leader).Start.Index <= at.Index {
		t.Fatalf("the log still reaches back to the snapshot at %v: %+v", at, w.held(leader))
	}
	w.network = append(w.network, held)
	for range pinTicks / 2 {
		if late.replica.Status().Applied == leader.replica.Status().Last {
			return
		}
		w.pass(1)
	}
	t.Fatalf("it is at %+v, the leader at %+v", late.replica.Status(), leader.replica.Status())
}
