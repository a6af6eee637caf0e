package storagetest

import (
	"errors"
	"slices"
	"testing"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/storage"
)

func testNode(t *testing.T, open Opener) {
	f := newFixture(t, open)
	if _, err := f.Node(); !errors.Is(err, storage.ErrNotFound) {
		t.Fatalf("node of a new disk: %v, want ErrNotFound", err)
	}
	for _, n := range []storage.Node{
		{NodeID: 3, Incarnation: 1 << 63},
		{NodeID: 3, Incarnation: 1 << 63, ClusterID: "c", Founders: map[int32]uint64{1: 11, 3: 1 << 63}},
	} {
		if err := f.WriteNode(n); err != nil {
			t.Fatal(err)
		}
		f.reopen()
		got, err := f.Node()
		if err != nil || got.NodeID != n.NodeID || got.Incarnation != n.Incarnation || got.ClusterID != n.ClusterID ||
			len(got.Founders) != len(n.Founders) || got.Founders[1] != n.Founders[1] {
			t.Fatalf("node %+v, %v, want %+v", got, err, n)
		}
	}
}

func testFoundAppendRead(t *testing.T, open Opener) {
	f := newFixture(t, open)
	a := found(1)
	f.write(a)
	f.check(1, a.State, nil)

	// All types, no data, small data in the tree and large data beside it.
	entries := slices.Concat(run(11, 12, 6, 0), run(12, 20, 6, 100), run(20, 24, 6, 5000), run(24, 25, 6, 8<<20))
	entries[3].Type = raftpb.EntryConfChangeV2.Enum()
	b := appended(a.State, entries...)
	b.State.Vote, b.State.Commit = 2, 17
	f.write(b)
	f.check(1, b.State, entries)

	c := storage.Append{State: b.State} // a vote alone
	c.State.Term, c.State.Vote = 9, 3
	f.write(c)
	f.check(1, c.State, entries)
}

func testMaxBytes(t *testing.T, open Opener) {
	f := newFixture(t, open)
	a := found(1)
	b := appended(a.State, run(11, 31, 5, 100)...)
	f.write(a, b)
	for _, c := range []struct {
		lo, hi, maxBytes uint64
		want             int
	}{
		{11, 31, 0, 1}, {11, 31, 99, 1}, {11, 31, 100, 1}, {11, 31, 199, 1}, {11, 31, 200, 2}, {11, 31, 2000, 20}, {11, 31, 1 << 62, 20},
		{11, 14, 1 << 62, 3}, {30, 31, 0, 1}, {25, 30, 350, 3},
	} {
		got, err := f.Entries(1, c.lo, c.hi, c.maxBytes)
		if err != nil {
			t.Fatal(err)
		}
		if err := same(got, b.Entries[c.lo-11:][:c.want]); err != nil {
			t.Errorf("[%d, %d) within %d bytes: %v", c.lo, c.hi, c.maxBytes, err)
		}
	}
}

func testBounds(t *testing.T, open Opener) {
	f := newFixture(t, open)
	a := found(1)
	f.write(a, appended(a.State, run(11, 21, 5, 10)...))
	for _, c := range []struct{ lo, hi uint64 }{{10, 12}, {0, 5}, {11, 22}, {21, 22}, {15, 15}, {16, 15}} {
		if _, err := f.Entries(1, c.lo, c.hi, 1); !errors.Is(err, storage.ErrOutOfRange) {
			t.Errorf("[%d, %d): %v, want ErrOutOfRange", c.lo, c.hi, err)
		}
	}
	if _, err := f.Entries(2, 11, 12, 1); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("entries of an unknown replica: %v, want ErrNotFound", err)
	}
	if _, err := f.Checkpoint(2); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("checkpoint of an unknown replica: %v, want ErrNotFound", err)
	}
}

func testTruncate(t *testing.T, open Opener) {
	f := newFixture(t, open)
	a := found(1)
	b := appended(a.State, run(11, 31, 5, 2000)...)
	f.write(a, b)

	c := appended(b.State, run(20, 23, 6, 2000)...) // a conflict: 23 to 30 are gone, too
	f.write(c)
	want := slices.Concat(b.Entries[:9], c.Entries)
	f.check(1, c.State, want)

	d := storage.Append{State: c.State} // by the state alone
	d.State.Last = storage.Position{Index: 15, Term: 5}
	f.write(d)
	f.check(1, d.State, want[:5])

	e := appended(d.State, run(16, 40, 7, 2000)...) // grown again over all that was there
	f.write(e)
	f.check(1, e.State, slices.Concat(want[:5], e.Entries))
}

// testTruncateMany cuts off far more than one transaction can delete, and grows again before it can
// be deleted.
func testTruncateMany(t *testing.T, open Opener) {
	f := newFixture(t, open)
	a := found(1)
	f.write(a)
	s := a.State
	for lo := uint64(11); lo < 12011; lo += 4000 {
		b := appended(s, run(lo, lo+4000, 5, 1)...)
		f.write(b)
		s = b.State
	}
	c := appended(s, run(11, 13, 6, 1)...)
	f.write(c)
	d := appended(c.State, run(13, 2013, 7, 1)...)
	f.write(d)
	want := slices.Concat(c.Entries, d.Entries)
	f.check(1, d.State, want)
	f.tidy()
	f.check(1, d.State, want)
}

func testTrim(t *testing.T, open Opener) {
	f := newFixture(t, open)
	a := found(1)
	b := appended(a.State, run(11, 31, 5, 2000)...)
	f.write(a, b)
	c := storage.Append{State: b.State, Checkpoint: checkpointAt(25, 5, nil)}
	c.State.Start = storage.Position{Index: 20, Term: 5}
	f.write(c)
	f.check(1, c.State, b.Entries[10:])
	if _, err := f.Entries(1, 20, 22, 1); !errors.Is(err, storage.ErrOutOfRange) {
		t.Errorf("a trimmed entry: %v, want ErrOutOfRange", err)
	}
	d := storage.Append{State: c.State, Checkpoint: checkpointAt(30, 5, nil)}
	d.State.Start = d.State.Last // all of it
	f.write(d)
	f.check(1, d.State, nil)
	e := appended(d.State, run(31, 33, 8, 10)...)
	f.write(e)
	f.check(1, e.State, e.Entries)
}

func testTrimMany(t *testing.T, open Opener) {
	f := newFixture(t, open)
	a := found(1)
	f.write(a)
	s := a.State
	for lo := uint64(11); lo < 12011; lo += 4000 {
		b := appended(s, run(lo, lo+4000, 5, 1)...)
		f.write(b)
		s = b.State
	}
	s.Start = storage.Position{Index: 12000, Term: 5}
	f.write(storage.Append{State: s, Checkpoint: checkpointAt(12005, 5, nil)})
	want := run(12001, 12011, 5, 1)
	f.check(1, s, want)
	f.tidy()
	f.check(1, s, want)
	b := appended(s, run(12011, 12020, 6, 1)...)
	f.write(b)
	f.check(1, b.State, slices.Concat(want, b.Entries))
}

// tidy lets the store do what it puts off.
func (f *fixture) tidy() {
	f.Helper()
	t, ok := f.Store.(storage.Tidier)
	for n := 0; ok; n++ {
		more, err := t.Tidy()
		if err != nil {
			f.Fatalf("tidy: %v", err)
		}
		if !more {
			return
		}
		if n > 10_000 {
			f.Fatal("tidy does not come to an end")
		}
	}
}
