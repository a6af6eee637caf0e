package journal

import (
	"errors"
	"fmt"
	"testing"

	"go.etcd.io/raft/v3/raftpb"
	"pgregory.net/rapid"

	"github.com/troupe-mq/troupe/storage"
	"github.com/troupe-mq/troupe/storage/memory"
)

// author asks for the appends of one replica, each of which follows the ones before.
type author struct {
	state      storage.State
	terms      map[uint64]uint64
	next       map[uint64]uint64 // terms in the next generation
	checkpoint uint64
	removed    bool
}

func (a *author) at(i uint64) storage.Position {
	if i == a.state.Start.Index {
		return a.state.Start
	}
	return storage.Position{Index: i, Term: a.terms[i]}
}

func checkpointAt(p storage.Position) *storage.Checkpoint {
	return &storage.Checkpoint{Position: p, Conf: &raftpb.ConfState{Voters: []uint64{p.Term}}, Machine: fmt.Append(nil, p)}
}

// draw draws an append.
func (a *author) draw(t *rapid.T, term uint64) storage.Append {
	from := func(lo, hi uint64) uint64 { return rapid.Uint64Range(lo, hi).Draw(t, "index") }
	last := a.state.Last.Index
	switch rapid.SampledFrom([]string{"append", "append", "append", "cut", "vote", "checkpoint", "snapshot", "rebuild", "fill", "fill", "flip", "remove", "distrust"}).Draw(t, "what") {
	case "append":
		return a.append(from(a.checkpoint+1, last+1), from(1, 6), term)
	case "cut":
		a.state.Last = a.at(from(a.checkpoint, last))
	case "vote":
		a.state.Term, a.state.Vote = term, term%3
	case "checkpoint":
		p := a.at(from(a.checkpoint, last))
		a.state.Start = a.at(from(a.state.Start.Index, p.Index))
		a.checkpoint = p.Index
		return storage.Append{State: a.state, Checkpoint: checkpointAt(p)}
	case "snapshot":
		p := storage.Position{Index: last + from(0, 3), Term: term}
		if from(0, 1) == 1 {
			a.state.Generation++
			a.state.Next = storage.Stretch{}
		}
		a.state.Start, a.state.Last, a.checkpoint = p, p, p.Index
		return storage.Append{State: a.state, Checkpoint: checkpointAt(p)}
	case "rebuild": // a new generation that begins anywhere
		p := storage.Position{Index: from(1, last), Term: term}
		a.state.Generation++
		a.state.Start, a.state.Next, a.checkpoint = p, storage.Stretch{}, p.Index
		b := a.append(p.Index+1, from(1, 6), term)
		b.Checkpoint = checkpointAt(p)
		return b
	case "fill":
		return a.fill(from(0, 3) == 0, from(1, last), from(1, 6), term)
	case "flip":
		if a.state.Next != (storage.Stretch{}) {
			next := a.state.Next
			a.terms = a.next
			a.state.Start, a.state.Last, a.state.Next, a.checkpoint = next.Start, next.Last, storage.Stretch{}, next.Last.Index
			a.state.Generation++
			return storage.Append{State: a.state, Checkpoint: checkpointAt(next.Last)}
		}
	case "distrust":
		if from(0, 4) == 0 {
			a.removed = true
			return storage.Append{State: a.state, Distrust: true}
		}
	case "remove":
		if from(0, 4) == 0 {
			a.removed = true
			return storage.Append{State: a.state, Remove: true}
		}
	}
	return storage.Append{State: a.state}
}

// fill adds n entries to the next generation, which it may begin anew behind an index.
func (a *author) fill(anew bool, behind, n, term uint64) storage.Append {
	next := &a.state.Next
	if anew || *next == (storage.Stretch{}) {
		p := storage.Position{Index: behind, Term: 5}
		*next, a.next = storage.Stretch{Start: p, Last: p}, map[uint64]uint64{}
	}
	var entries []*raftpb.Entry
	for range n {
		next.Last = storage.Position{Index: next.Last.Index + 1, Term: term}
		a.next[next.Last.Index] = term
		entries = append(entries, &raftpb.Entry{Index: new(next.Last.Index), Term: new(term), Data: fmt.Appendf(nil, "%d/%d pulled", next.Last.Index, term)})
	}
	return storage.Append{State: a.state, NextEntries: entries}
}

func (a *author) append(lo, n, term uint64) storage.Append {
	var entries []*raftpb.Entry
	for i := lo; i < lo+n; i++ {
		a.terms[i] = term
		entries = append(entries, &raftpb.Entry{Index: new(i), Term: new(term), Data: fmt.Appendf(nil, "%d/%d", i, term)})
	}
	a.state.Last = storage.Position{Index: lo + n - 1, Term: term}
	return storage.Append{State: a.state, Entries: entries}
}

// TestMergedIsOneByOne writes the same appends one by one into one store and merged in groups into
// another.
func TestMergedIsOneByOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		authors := map[storage.ReplicaID]*author{}
		var writes []Write
		for term := uint64(6); term < 6+rapid.Uint64Range(1, 40).Draw(t, "writes"); term++ {
			r := storage.ReplicaID(rapid.IntRange(1, 3).Draw(t, "replica"))
			a, ok := authors[r]
			switch {
			case !ok:
				authors[r] = &author{state: found(r).State, terms: map[uint64]uint64{}, checkpoint: founding.Index}
				writes = append(writes, Write{Append: found(r)})
			case !a.removed:
				writes = append(writes, Write{Append: a.draw(t, term)})
			}
		}
		plain, grouped := memory.New(), memory.New()
		for _, w := range writes {
			must(t, plain.Write([]storage.Append{w.Append}))
		}
		for left := writes; len(left) > 0; {
			n := rapid.IntRange(1, len(left)).Draw(t, "group")
			for _, appends := range Merge(left[:n]) {
				must(t, grouped.Write(appends))
			}
			left = left[n:]
		}
		if a, b := describe(t, plain), describe(t, grouped); a != b {
			t.Fatalf("one by one:\n%s\nmerged:\n%s", a, b)
		}
	})
}

func must(t *rapid.T, err error) {
	if err != nil {
		t.Fatal(err)
	}
}

// describe tells all that a store holds.
func describe(t *rapid.T, s storage.Store) (text string) {
	states, err := s.Replicas()
	must(t, err)
	text += fmt.Sprintln(s.Suspect())
	for _, state := range states {
		c, err := s.Checkpoint(state.Replica)
		must(t, err)
		text += fmt.Sprintf("%+v\n%v %s\n", state, c.Position, c.Machine)
		if state.Last.Index == state.Start.Index {
			continue
		}
		entries, err := s.Entries(state.Replica, state.Start.Index+1, state.Last.Index+1, 1<<62)
		must(t, err)
		for _, e := range entries {
			text += fmt.Sprintf("  %d/%d %s\n", e.GetIndex(), e.GetTerm(), e.Data)
		}
	}
	return text
}

func TestWriteBehindARemovalIsRefused(t *testing.T) {
	s := memory.New()
	gone := storage.Append{State: found(1).State, Remove: true}
	for _, appends := range Merge([]Write{{Append: found(1)}, {Append: gone}, {Append: found(1)}}) {
		if err := s.Write(appends); !errors.Is(err, storage.ErrRemoved) {
			t.Fatalf("%v, want ErrRemoved", err)
		}
	}
}

func TestCutManyEntries(t *testing.T) {
	s := memory.New()
	a := grown(found(1).State, 3*storage.MaxKeys, []byte("some data"))
	a.State.Commit, a.Checkpoint = a.State.Last.Index, found(1).Checkpoint
	parts := Merge([]Write{{Append: a}})
	if len(parts) < 4 {
		t.Fatalf("%d parts", len(parts))
	}
	for _, appends := range parts {
		if len(appends) != 1 || !fits(&appends[0]) {
			t.Fatalf("a part of %d appends does not fit", len(appends))
		}
		if err := s.Write(appends); err != nil {
			t.Fatal(err)
		}
		states, _ := s.Replicas()
		if states[0].Commit > states[0].Last.Index {
			t.Fatalf("a crash here leaves commit %d above the last entry %d", states[0].Commit, states[0].Last.Index)
		}
	}
	got, err := s.Entries(1, 11, a.State.Last.Index+1, 1<<62)
	if err != nil || len(got) != len(a.Entries) {
		t.Fatalf("%d entries, %v", len(got), err)
	}
}

// TestMergeKeepsWhatItWasGiven merges appends whose entries share an array, as raft's do.
func TestMergeKeepsWhatItWasGiven(t *testing.T) {
	log := grown(found(1).State, 10, []byte("x"))
	a, b := grown(found(1).State, 5, nil), log
	a.Entries = log.Entries[:5] // with room for more behind it
	b.Entries = grown(a.State, 5, []byte("other")).Entries
	Merge([]Write{{Append: a}, {Append: b}})
	if string(log.Entries[5].Data) != "x" {
		t.Fatal("merging wrote behind the entries of an append")
	}
}
