package raft

import (
	"encoding/binary"
	"fmt"
	"math/rand"
	"slices"
	"testing"

	"github.com/troupe-mq/troupe/storage"
)

// TestForceKeepsWhatIsLeft runs a shard through faults, takes a majority of its members away at
// some moment, and forces the others to go on: they agree, have all that any of them had applied,
// and commit again. What stands behind is what Raft cannot know: it is compared with nothing.
func TestForceKeepsWhatIsLeft(t *testing.T) {
	for seed := range int64(10) {
		for _, n := range []int{3, 5} {
			t.Run(fmt.Sprintf("seed=%d,of=%d", seed, n), func(t *testing.T) { forced(t, seed, n) })
		}
	}
}

func forced(t *testing.T, seed int64, n int) {
	w := &world{t: t, rng: rand.New(rand.NewSource(seed)), compact: seed%2 == 1, naps: 20, limits: small, pending: map[storage.ReplicaID]map[uint64]uint64{}}
	var ids []storage.ReplicaID
	for i := range n {
		ids = append(ids, storage.ReplicaID(i+1))
	}
	for _, id := range ids {
		w.start(w.add(Found(7, id, ids, nil)))
	}
	for range 1500 + w.rng.Intn(1500) {
		w.step(true)
	}
	w.rng.Shuffle(n, func(i, k int) { ids[i], ids[k] = ids[k], ids[i] })
	left, lost := ids[:n/2], ids[n/2:]
	var survivors []*member
	var applied []uint64 // by any survivor, however far
	for _, m := range w.members {
		m.gone = slices.Contains(lost, m.id)
		if !m.gone {
			survivors = append(survivors, m)
			if len(m.ledger.applied) > len(applied) {
				applied = slices.Clone(m.ledger.applied)
			}
		}
		w.crash(m)
	}
	w.network, w.acked, w.applied = nil, nil, nil // what only the lost ones had is lost
	w.force(survivors, lost)

	for i := range 40_000 {
		w.step(false)
		if i == 20_000 {
			for _, m := range survivors {
				w.propose(m)
				w.settle(m)
			}
		}
	}
	first := survivors[0].ledger
	for _, m := range survivors {
		if fmt.Sprint(m.ledger.applied) != fmt.Sprint(first.applied) {
			t.Fatalf("replicas %d and %d differ", survivors[0].id, m.id)
		}
		var voters []uint64
		if voters = m.replica.Members().GetVoters(); len(voters) != len(left) {
			t.Fatalf("replica %d has the voters %v, want %v", m.id, voters, left)
		}
	}
	if len(first.applied) < len(applied) || !slices.Equal(first.applied[:len(applied)], applied) {
		t.Fatalf("of %d values that were applied %d are left", len(applied), len(first.applied))
	}
	at := slices.Index(first.applied, thenValue)
	if at < len(applied) {
		t.Fatalf("what was to follow at once stands at %d of %d values, %d were applied before", at, len(first.applied), len(applied))
	}
	if len(w.acked) == 0 {
		t.Fatalf("nothing is committed any more: %+v", w.states())
	}
}

// thenValue is what follows the forced change of members.
const thenValue = 1 << 60

// force makes those that are left go on as an operator's tool does.
func (w *world) force(survivors []*member, lost []storage.ReplicaID) {
	w.t.Helper()
	best, term := survivors[0], uint64(0)
	for _, m := range survivors {
		s, b := w.held(m), w.held(best)
		if s.Last.Term > b.Last.Term || s.Last.Term == b.Last.Term && s.Last.Index > b.Last.Index {
			best = m
		}
		term = max(term, s.Term+1)
	}
	checkpoint, err := best.disk.Checkpoint(best.id)
	if err != nil {
		w.t.Fatal(err)
	}
	a, err := Force(Forcing{State: w.held(best), Checkpoint: checkpoint, Entries: best.disk, Lost: lost, Term: term, Then: [][]byte{binary.BigEndian.AppendUint64(nil, thenValue)}})
	if err != nil {
		w.t.Fatal(err)
	}
	w.write(best, a)
}

// A learner that alone is left becomes the voter.
func TestForceMakesALearnerVote(t *testing.T) {
	w := &world{t: t, rng: rand.New(rand.NewSource(1)), naps: 20, limits: small, pending: map[storage.ReplicaID]map[uint64]uint64{}}
	m := w.add(Found(7, 3, []storage.ReplicaID{1, 2}, []storage.ReplicaID{3, 4}))
	w.force([]*member{m}, []storage.ReplicaID{1, 2, 4})
	w.start(m)
	for range 100 {
		m.replica.Tick()
		w.settle(m)
		for len(m.queue) > 0 {
			w.sync(m)
			w.settle(m)
		}
	}
	if s := m.replica.Status(); s.Role != Leader || !s.Established || len(m.replica.Members().GetVoters()) != 1 || len(m.replica.Members().GetLearners()) != 0 {
		t.Fatalf("%+v, members %+v", s, m.replica.Members())
	}
}

func TestForceRefuses(t *testing.T) {
	w := newWorld(t, 1, false)
	m := w.members[0]
	w.crash(m)
	checkpoint, err := m.disk.Checkpoint(m.id)
	if err != nil {
		t.Fatal(err)
	}
	good := Forcing{State: w.held(m), Checkpoint: checkpoint, Entries: m.disk, Lost: []storage.ReplicaID{2, 3}, Term: 99}
	for name, spoil := range map[string]func(*Forcing){
		"a term that may be taken":   func(f *Forcing) { f.Term = f.State.Term },
		"members that are not":       func(f *Forcing) { f.Lost = []storage.ReplicaID{8, 9} },
		"a log that cannot be read":  func(f *Forcing) { f.State.Last.Index += 5 },
		"a conf that cannot be true": func(f *Forcing) { f.Checkpoint = &storage.Checkpoint{} },
	} {
		f := good
		spoil(&f)
		if a, err := Force(f); err == nil {
			t.Errorf("%s: forced with %+v", name, a)
		}
	}
}
