package storagetest

import (
	"errors"
	"sync"
	"testing"

	"github.com/troupe-mq/troupe/storage"
)

// testRefusals gives the store what does not follow.
func testRefusals(t *testing.T, open Opener) {
	f := newFixture(t, open)
	a := found(1)
	b := appended(a.State, run(11, 31, 5, 10)...)
	b.Checkpoint = checkpointAt(20, 5, nil)
	f.write(a, b)
	for name, change := range map[string]func(*storage.Append){
		"no shard":         func(c *storage.Append) { c.State.Shard = 0 },
		"no replica":       func(c *storage.Append) { c.State.Replica = 0 },
		"another shard":    func(c *storage.Append) { c.State.Shard++ },
		"a hole":           func(c *storage.Append) { *c = appended(b.State, run(32, 34, 5, 1)...) },
		"a hole inside":    func(c *storage.Append) { c.Entries = append(run(31, 33, 5, 1), run(34, 35, 5, 1)...) },
		"another end":      func(c *storage.Append) { c.State.Last.Index++ },
		"another end term": func(c *storage.Append) { c.State.Last.Term++ },
		"grown by nothing": func(c *storage.Append) { c.Entries = nil },
		"start beyond end": func(c *storage.Append) { c.State.Start = storage.Position{Index: 50, Term: 5} },
		"start backwards":  func(c *storage.Append) { c.State.Start.Index-- },
		"checkpoint above": func(c *storage.Append) { c.Checkpoint = checkpointAt(50, 5, nil) },
		"checkpoint below": func(c *storage.Append) { c.Checkpoint = checkpointAt(9, 5, nil) },
		"no members":       func(c *storage.Append) { c.Checkpoint = &storage.Checkpoint{Position: b.State.Last} },
		"trimmed checkpoint": func(c *storage.Append) {
			*c = storage.Append{State: b.State}
			c.State.Start = storage.Position{Index: 25, Term: 5}
		},
		"truncated checkpoint": func(c *storage.Append) {
			*c = storage.Append{State: b.State}
			c.State.Last = storage.Position{Index: 15, Term: 5}
		},
		"a generation without a beginning": func(c *storage.Append) { c.State.Generation = 1 },
	} {
		c := appended(b.State, run(31, 34, 5, 1)...)
		change(&c)
		if err := f.Write([]storage.Append{c}); !errors.Is(err, storage.ErrRefused) {
			t.Errorf("%s: %v, want ErrRefused", name, err)
		}
	}
	first := appended(found(7).State, run(15, 20, 5, 1)...)
	if err := f.Write([]storage.Append{first}); !errors.Is(err, storage.ErrRefused) {
		t.Errorf("a new log with a hole: %v, want ErrRefused", err)
	}
	f.check(1, b.State, b.Entries)
}

// testRefusedWhole expects nothing of a write whose last append is refused.
func testRefusedWhole(t *testing.T, open Opener) {
	f := newFixture(t, open)
	a := found(1)
	f.write(a)
	b := appended(a.State, run(11, 13, 5, 10)...)
	c := appended(found(2).State, run(20, 21, 5, 10)...)
	if err := f.Write([]storage.Append{b, c}); !errors.Is(err, storage.ErrRefused) {
		t.Fatalf("%v, want ErrRefused", err)
	}
	f.check(1, a.State, nil)
}

// testLargestWrite writes as much as the bounds allow, and more.
func testLargestWrite(t *testing.T, open Opener) {
	f := newFixture(t, open)
	a := found(1)
	f.write(a)
	n := uint64(storage.MaxKeys - 2)
	b := appended(a.State, run(11, 11+n, 5, 0)...)
	for _, size := range []int{8, 16} {
		c := appended(a.State, run(11, 11+n, 5, size)...)
		if cost := c.Cost(); cost.Fits() {
			b = c
		}
	}
	f.write(b)
	f.check(1, b.State, b.Entries)

	c := appended(b.State, run(b.State.Last.Index+1, b.State.Last.Index+1+uint64(storage.MaxKeys), 5, 0)...)
	if err := f.Write([]storage.Append{c}); !errors.Is(err, storage.ErrRefused) {
		t.Fatalf("a write beyond the bounds: %v, want ErrRefused", err)
	}
	next := b.State.Last.Index + 1
	large := appended(b.State, run(next, next+2, 5, storage.MaxEntryBytes)...)
	f.write(large)
	got, err := f.Entries(1, next, next+2, 1<<62)
	if err != nil {
		t.Fatal(err)
	}
	if err := same(got, large.Entries); err != nil {
		t.Fatal(err)
	}
	if err := f.Write([]storage.Append{appended(large.State, run(next+2, next+3, 5, storage.MaxEntryBytes+1)...)}); !errors.Is(err, storage.ErrRefused) {
		t.Fatalf("an entry beyond the bound: %v, want ErrRefused", err)
	}
}

// testOwnership writes over what was given to the store and what it returned.
func testOwnership(t *testing.T, open Opener) {
	f := newFixture(t, open)
	a := found(1)
	b := appended(a.State, run(11, 21, 5, 3000)...)
	want := cloned(b.Entries)
	c := checkpointAt(12, 5, []byte("machine"))
	b.Checkpoint = c
	f.write(a, b)
	for _, e := range b.Entries {
		clear(e.Data)
	}
	clear(c.Machine)
	for range 2 {
		got, err := f.Entries(1, 11, 21, 1<<62)
		if err != nil {
			t.Fatal(err)
		}
		if err := same(got, want); err != nil {
			t.Fatal(err)
		}
		for _, e := range got {
			clear(e.Data)
		}
		k, err := f.Checkpoint(1)
		if err != nil || string(k.Machine) != "machine" {
			t.Fatalf("machine %q, %v", k.Machine, err)
		}
		clear(k.Machine)
	}
}

func testClosed(t *testing.T, open Opener) {
	f := newFixture(t, open)
	a := found(1)
	f.write(a, appended(a.State, run(11, 21, 5, 10)...))
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := f.Entries(1, 11, 12, 1)
	_, err2 := f.Checkpoint(1)
	_, err3 := f.Node()
	for i, err := range []error{err, err2, err3, f.Write([]storage.Append{a}), f.WriteNode(storage.Node{})} {
		if !errors.Is(err, storage.ErrClosed) {
			t.Errorf("call %d on a closed store: %v, want ErrClosed", i, err)
		}
	}
	f.start()
}

// testReaders reads while a writer appends, truncates and trims: every run that a reader gets is of
// one moment.
func testReaders(t *testing.T, open Opener) {
	f := newFixture(t, open)
	a := found(1)
	s := appended(a.State, run(11, 31, 5, 1200)...)
	f.write(a, s)
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() { readUntil(t, f.Store, stop) })
	}
	state := s.State
	for term := uint64(6); term < 60; term++ {
		lo := state.Last.Index - 9
		b := appended(state, run(lo, lo+12, term, 1200)...) // conflicts with the last ten
		b.State.Start = storage.Position{Index: lo - 1, Term: state.Last.Term}
		b.Checkpoint = checkpointAt(lo, term, nil)
		f.write(b)
		state = b.State
	}
	close(stop)
	readers.Wait()
}

// readUntil checks that terms and data fit each other in every run of entries.
func readUntil(t *testing.T, s storage.Store, stop chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		all, err := s.Replicas()
		if err != nil || len(all) != 1 {
			t.Errorf("replicas: %v, %v", all, err)
			return
		}
		got, err := s.Entries(1, all[0].Start.Index+1, all[0].Last.Index+1, 1<<62)
		if errors.Is(err, storage.ErrOutOfRange) {
			continue // trimmed meanwhile
		}
		if err != nil {
			t.Errorf("entries: %v", err)
			return
		}
		for i, e := range got {
			if i > 0 && e.GetTerm() < got[i-1].GetTerm() {
				t.Errorf("term %d stands behind term %d: a run of two moments", e.GetTerm(), got[i-1].GetTerm())
				return
			}
		}
		if err := same(got, remade(got)); err != nil {
			t.Error(err)
			return
		}
	}
}
