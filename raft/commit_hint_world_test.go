package raft

import (
	"bytes"
	"math/rand"
	"slices"
	"testing"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/storage"
)

// scene is a shard of five in which a test says what reaches whom, and whose disks stall.
type scene struct{ *world }

// passes reports whether a message reaches whom it is for.
type passes func(*raftpb.Message) bool

func newScene(t *testing.T) *scene {
	s := &scene{&world{t: t, rng: rand.New(rand.NewSource(1)), pending: map[storage.ReplicaID]map[uint64]uint64{}, stalled: map[storage.ReplicaID]bool{}}}
	members := ids{1, 2, 3, 4, 5}
	for _, id := range members {
		s.open(s.add(Found(7, id, members, nil)))
	}
	return s
}

// open starts a member with the default limits: large entries travel one a message.
func (s *scene) open(m *member) {
	s.t.Helper()
	m.ledger = &ledger{}
	r, err := Open(Config{State: s.held(m), Checkpoint: mustCheckpoint(s.t, m), Entries: m.disk, Machine: m.ledger})
	if err != nil {
		s.t.Fatal(err)
	}
	m.replica, s.pending[m.id] = r, map[uint64]uint64{}
}

func (s *scene) at(id storage.ReplicaID) *member { return s.members[id-1] }

// run delivers what passes, loses the rest, and has the disks write that do not stall, until
// nothing moves.
func (s *scene) run(pass passes) {
	s.t.Helper()
	for moved := true; moved; {
		packets := s.network
		s.network, moved = nil, false
		for _, p := range packets {
			m, to := p.what.(*raftpb.Message), s.at(p.to)
			if to.replica == nil || !pass(m) {
				continue
			}
			moved = true
			if err := to.replica.Step(m); err != nil {
				s.t.Fatalf("replica %d: %v", to.id, err)
			}
			s.settle(to)
		}
		for _, m := range s.members {
			for m.replica != nil && !s.stalled[m.id] && len(m.queue) > 0 {
				s.sync(m)
				s.settle(m)
				moved = true
			}
		}
	}
}

// time lets ticks pass for some members, and runs after each.
func (s *scene) time(ticks int, pass passes, of ...storage.ReplicaID) {
	for range ticks {
		for _, id := range of {
			s.at(id).replica.Tick()
			s.settle(s.at(id))
			s.run(pass)
		}
	}
}

func among(set ...uint64) passes {
	return func(m *raftpb.Message) bool {
		return slices.Contains(set, m.GetFrom()) && slices.Contains(set, m.GetTo())
	}
}

// elect has a member elected by some, who have not heard of a leader for long.
func (s *scene) elect(id storage.ReplicaID, by ...uint64) {
	s.t.Helper()
	for range 4 {
		for _, k := range by {
			s.at(storage.ReplicaID(k)).replica.ForgetLeader()
		}
		s.at(id).replica.Campaign()
		s.settle(s.at(id))
		s.run(func(m *raftpb.Message) bool {
			return among(by...)(m) && (vote(m.GetType()) || m.GetType() == raftpb.MsgVote || m.GetType() == raftpb.MsgPreVote)
		})
		if s.at(id).replica.Status().Role == Leader {
			return
		}
	}
	s.t.Fatalf("%d does not lead: %+v", id, s.states())
}

func (s *scene) propose(id storage.ReplicaID, v byte, size int) {
	if _, ok := s.at(id).replica.Propose(bytes.Repeat([]byte{v}, size)); !ok {
		s.t.Fatal("a proposal was dropped")
	}
	s.settle(s.at(id))
}

// TestWhatIsToldIsComparedWithTheNewestLog has the disk of replica 3 stall with a truncation on the
// way to it: the disk says a, b, c, which the others commit later, and raft's log says X. Told that
// b is committed, replica 3 must not take X for committed.
func TestWhatIsToldIsComparedWithTheNewestLog(t *testing.T) {
	s := newScene(t)
	s.at(1).replica.Campaign()
	s.settle(s.at(1))
	s.run(among(1, 2, 3, 4, 5))
	base := s.at(1).replica.Status().Last
	for _, v := range []byte("abc") {
		s.propose(1, v, 1<<20)
	}
	// and its answers are lost
	s.run(func(m *raftpb.Message) bool { return m.GetFrom() == 1 && m.GetTo() == 3 })
	for range 60 {
		s.at(1).replica.Tick() // cut off, it leads no more
		s.settle(s.at(1))
	}
	s.network = nil

	s.elect(2, 2, 4, 5)
	s.stalled[3] = true
	s.propose(2, 'X', 8)
	s.time(10, among(2, 3), 2)
	if have := s.at(3).replica.Status().Last; have != base+2 || s.held(s.at(3)).Last.Index != base+3 {
		t.Fatalf("replica 3 holds entries up to %d, on its disk up to %v", have, s.held(s.at(3)).Last)
	}
	s.crash(s.at(2)) // so that X is nowhere durable
	s.network = nil

	s.elect(1, 1, 4, 5)
	s.open(s.at(2))
	s.time(30, among(1, 2, 4), 1)
	// 5 gets a and b only, and learns that they are committed
	s.time(30, func(m *raftpb.Message) bool {
		late := m.GetType() == raftpb.MsgApp && len(m.Entries) > 0 && m.Entries[0].GetIndex() > base+2 && m.GetIndex() <= s.at(5).replica.Status().Last
		return among(1, 5)(m) && !late
	}, 1)
	if five := s.at(5).replica.Status(); five.Applied != base+2 {
		t.Fatalf("replica 5 is at %+v, want what is committed up to %d", five, base+2)
	}
	s.crash(s.at(1))
	s.network = nil

	s.time(200, among(3, 5), 3, 5) // 3 asks 5 for its vote again and again
	s.stalled[3] = false
	s.run(among(3, 5))
	committed := s.at(4).ledger.applied
	for i, v := range s.at(3).ledger.applied {
		if v != committed[i] {
			t.Fatalf("replica 3 applied %x where the others applied %x", v, committed[i])
		}
	}
}
