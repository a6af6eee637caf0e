package storagetest

import (
	"os"
	"testing"

	"go.etcd.io/raft/v3/raftpb"
	"pgregory.net/rapid"

	"github.com/troupe-mq/troupe/storage"
)

// remade makes entries anew of their indexes, terms and sizes, to compare the data with.
func remade(entries []*raftpb.Entry) []*raftpb.Entry {
	var out []*raftpb.Entry
	for _, e := range entries {
		out = append(out, run(e.GetIndex(), e.GetIndex()+1, e.GetTerm(), len(e.Data))...)
	}
	return out
}

// modelReplica is what a replica ought to hold.
type modelReplica struct {
	state      storage.State
	entries    map[uint64]*raftpb.Entry
	checkpoint *storage.Checkpoint
	next       []*raftpb.Entry // in the next generation
	removed    bool
}

// model is a store and what it ought to hold. Its methods are the actions that rapid chooses from.
type model struct {
	open     Opener
	dir      string
	store    storage.Store
	replicas map[storage.ReplicaID]*modelReplica
	term     uint64
	group    []storage.Append // not written yet
}

// testModel performs random actions on a store and a map, and compares the two after each.
func testModel(t *testing.T, open Opener) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "store")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		m := &model{open: open, dir: dir, replicas: map[storage.ReplicaID]*modelReplica{}, term: 5}
		m.start(t)
		defer func() { m.store.Close() }()
		t.Repeat(rapid.StateMachineActions(m))
	})
}

func (m *model) start(t *rapid.T) {
	s, err := m.open(m.dir)
	if err != nil {
		t.Fatal(err)
	}
	m.store = s
}

// pick returns a replica that was not removed, founding it if it is new.
func (m *model) pick(t *rapid.T) *modelReplica {
	id := storage.ReplicaID(rapid.IntRange(1, 3).Draw(t, "replica"))
	for m.replicas[id] != nil && m.replicas[id].removed {
		id += 3
	}
	if r := m.replicas[id]; r != nil {
		return r
	}
	a := found(id)
	r := &modelReplica{state: a.State, entries: map[uint64]*raftpb.Entry{}, checkpoint: a.Checkpoint}
	m.replicas[id] = r
	m.group = append(m.group, a)
	return r
}

// ask adds an append of the replica's present state to the group.
func (m *model) ask(r *modelReplica, entries []*raftpb.Entry, c *storage.Checkpoint) {
	m.group = append(m.group, storage.Append{State: r.state, Entries: entries, Checkpoint: c})
}

// put makes entries part of the model's log.
func (r *modelReplica) put(entries []*raftpb.Entry) {
	for _, e := range entries {
		r.entries[e.GetIndex()] = e
	}
	last := entries[len(entries)-1]
	r.state.Last = storage.Position{Index: last.GetIndex(), Term: last.GetTerm()}
	r.state.Term = last.GetTerm()
	r.prune()
}

func (r *modelReplica) prune() {
	for i := range r.entries {
		if i <= r.state.Start.Index || i > r.state.Last.Index {
			delete(r.entries, i)
		}
	}
}

// at returns the position of an index of the log.
func (r *modelReplica) at(index uint64) storage.Position {
	if index == r.state.Start.Index {
		return r.state.Start
	}
	return storage.Position{Index: index, Term: r.entries[index].GetTerm()}
}

var sizes = rapid.SampledFrom([]int{0, 1, 500, 1100, 30_000})

// Append adds entries at the end, or over the tail above the checkpoint.
func (m *model) Append(t *rapid.T) {
	r := m.pick(t)
	m.term++
	lo := rapid.Uint64Range(max(r.checkpoint.Index, r.state.Start.Index)+1, r.state.Last.Index+1).Draw(t, "from")
	n := rapid.Uint64Range(1, 12).Draw(t, "entries")
	entries := run(lo, lo+n, m.term, sizes.Draw(t, "size"))
	r.put(entries)
	m.ask(r, entries, nil)
}

// Truncate cuts the tail off by the state alone.
func (m *model) Truncate(t *rapid.T) {
	r := m.pick(t)
	r.state.Last = r.at(rapid.Uint64Range(r.checkpoint.Index, r.state.Last.Index).Draw(t, "last"))
	r.prune()
	m.ask(r, nil, nil)
}

// Vote changes the state alone.
func (m *model) Vote(t *rapid.T) {
	r := m.pick(t)
	m.term++
	r.state.Term, r.state.Vote = m.term, rapid.Uint64Range(0, 3).Draw(t, "vote")
	m.ask(r, nil, nil)
}

// Checkpoint replaces the checkpoint and may trim up to it.
func (m *model) Checkpoint(t *rapid.T) {
	r := m.pick(t)
	p := r.at(rapid.Uint64Range(r.checkpoint.Index, r.state.Last.Index).Draw(t, "checkpoint"))
	r.checkpoint = checkpointAt(p.Index, p.Term, data(p.Index, p.Term, sizes.Draw(t, "size")))
	r.state.Start = r.at(rapid.Uint64Range(r.state.Start.Index, p.Index).Draw(t, "start"))
	r.prune()
	m.ask(r, nil, r.checkpoint)
}

// Snapshot replaces the whole log by a position above it.
func (m *model) Snapshot(t *rapid.T) {
	r := m.pick(t)
	m.term++
	p := storage.Position{Index: r.state.Last.Index + rapid.Uint64Range(0, 5).Draw(t, "ahead"), Term: m.term}
	r.checkpoint = checkpointAt(p.Index, p.Term, nil)
	if rapid.Bool().Draw(t, "generation") {
		r.state.Generation++
		r.state.Next, r.next = storage.Stretch{}, nil
	}
	r.state.Start, r.state.Last, r.state.Term = p, p, p.Term
	r.prune()
	m.ask(r, nil, r.checkpoint)
}

// Fill adds entries to the next generation, or begins it anew anywhere.
func (m *model) Fill(t *rapid.T) {
	r := m.pick(t)
	m.term++
	next := &r.state.Next
	if len(r.next) == 0 || rapid.IntRange(0, 3).Draw(t, "anew") == 0 {
		p := storage.Position{Index: rapid.Uint64Range(1, 60).Draw(t, "behind"), Term: m.term}
		*next, r.next = storage.Stretch{Start: p, Last: p}, nil
	}
	lo := next.Last.Index + 1
	entries := run(lo, lo+rapid.Uint64Range(1, 12).Draw(t, "entries"), m.term, sizes.Draw(t, "size"))
	next.Last = storage.Position{Index: entries[len(entries)-1].GetIndex(), Term: m.term}
	r.next = append(r.next, entries...)
	m.group = append(m.group, storage.Append{State: r.state, NextEntries: entries})
}

// GiveUp gives the next generation up.
func (m *model) GiveUp(t *rapid.T) {
	r := m.pick(t)
	r.state.Next, r.next = storage.Stretch{}, nil
	m.ask(r, nil, nil)
}

// Flip makes a part of the next generation current.
func (m *model) Flip(t *rapid.T) {
	r := m.pick(t)
	if len(r.next) == 0 {
		t.Skip("there is none")
	}
	next := r.state.Next
	last := rapid.Uint64Range(next.Start.Index+1, next.Last.Index).Draw(t, "last")
	start := rapid.Uint64Range(next.Start.Index, last-1).Draw(t, "start")
	r.entries = map[uint64]*raftpb.Entry{}
	for _, e := range r.next {
		r.entries[e.GetIndex()] = e
	}
	r.state.Start, r.state.Last = next.Start, next.Last
	r.state.Start, r.state.Last = r.at(start), r.at(last)
	r.state.Generation++
	r.state.Next, r.next = storage.Stretch{}, nil
	r.checkpoint = checkpointAt(last, r.state.Last.Term, nil)
	r.prune()
	m.ask(r, nil, r.checkpoint)
}

// Remove removes a replica for good.
func (m *model) Remove(t *rapid.T) {
	r := m.pick(t)
	m.group = append(m.group, storage.Append{State: storage.State{Shard: shard, Replica: r.state.Replica}, Remove: true})
	*r = modelReplica{removed: true}
}

// Tidy lets the store do what it put off.
func (m *model) Tidy(t *rapid.T) {
	m.Check(t)
	if s, ok := m.store.(storage.Tidier); ok {
		if _, err := s.Tidy(); err != nil {
			t.Fatal(err)
		}
	}
}

// Reopen closes the store and opens it again.
func (m *model) Reopen(t *rapid.T) {
	m.Check(t)
	if err := m.store.Close(); err != nil {
		t.Fatal(err)
	}
	m.start(t)
	if bad := m.store.Suspect(); len(bad) > 0 {
		t.Fatalf("suspect: %v", bad)
	}
}

// Check writes the group, unless more is to join it, and compares store and model.
func (m *model) Check(t *rapid.T) {
	if len(m.group) > 0 {
		if rapid.IntRange(0, 3).Draw(t, "join") == 0 && len(m.group) < 8 {
			return
		}
		if err := m.store.Write(m.group); err != nil {
			t.Fatal(err)
		}
		m.group = nil
	}
	m.compare(t)
}

func (m *model) compare(t *rapid.T) {
	all, err := m.store.Replicas()
	if err != nil {
		t.Fatal(err)
	}
	held := map[storage.ReplicaID]storage.State{}
	for _, s := range all {
		held[s.Replica] = s
	}
	for id, r := range m.replicas {
		if s, ok := held[id]; ok == r.removed || ok && s != r.state {
			t.Fatalf("replica %d is %+v (%v), want %+v (%v)", id, s, ok, r.state, !r.removed)
		}
		delete(held, id)
		if !r.removed {
			r.compare(t, m.store)
		}
	}
	if len(held) > 0 {
		t.Fatalf("replicas nobody made: %v", held)
	}
}

func (r *modelReplica) compare(t *rapid.T, s storage.Store) {
	id := r.state.Replica
	c, err := s.Checkpoint(id)
	if err != nil || c.Position != r.checkpoint.Position || string(c.Machine) != string(r.checkpoint.Machine) {
		t.Fatalf("checkpoint of %d: %+v, %v, want %+v", id, c, err, r.checkpoint)
	}
	if r.state.Last == r.state.Start {
		return
	}
	got, err := s.Entries(id, r.state.Start.Index+1, r.state.Last.Index+1, 1<<62)
	if err != nil {
		t.Fatal(err)
	}
	var want []*raftpb.Entry
	for i := r.state.Start.Index + 1; i <= r.state.Last.Index; i++ {
		want = append(want, r.entries[i])
	}
	if err := same(got, want); err != nil {
		t.Fatalf("replica %d: %v", id, err)
	}
}
