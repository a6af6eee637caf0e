package storagetest

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"github.com/troupe-mq/troupe/storage"
)

func checkpointAt(index, term uint64, machine []byte) *storage.Checkpoint {
	return &storage.Checkpoint{
		Position: storage.Position{Index: index, Term: term},
		Conf:     &raftpb.ConfState{Voters: []uint64{1, 2}, VotersOutgoing: []uint64{1, 2, 3}, LearnersNext: []uint64{3}, AutoLeave: new(true)},
		Machine:  machine,
	}
}

// testSnapshot replaces a log by a position above it, in the same generation.
func testSnapshot(t *testing.T, open Opener) {
	f := newFixture(t, open)
	a := found(1)
	b := appended(a.State, run(11, 31, 5, 2000)...)
	f.write(a, b)
	c := storage.Append{State: b.State, Checkpoint: checkpointAt(100, 8, []byte("m"))}
	c.State.Start = c.Checkpoint.Position
	c.State.Last, c.State.Term, c.State.Commit = c.State.Start, 8, 100
	f.write(c)
	f.check(1, c.State, nil)
	d := appended(c.State, run(101, 105, 8, 2000)...)
	f.write(d)
	f.check(1, d.State, d.Entries)

	// amid a tail that conflicts
	e := storage.Append{State: d.State, Checkpoint: checkpointAt(102, 9, nil)}
	e.State.Start = e.Checkpoint.Position
	e.State.Last, e.State.Term = e.State.Start, 9
	f.write(e)
	f.check(1, e.State, nil)
	g := appended(e.State, run(103, 104, 9, 2000)...)
	f.write(g)
	f.check(1, g.State, g.Entries)
}

// testGeneration makes a new keyspace current, whose log may begin lower.
func testGeneration(t *testing.T, open Opener) {
	f := newFixture(t, open)
	a := found(1)
	b := appended(a.State, run(11, 31, 5, 2000)...)
	b.Checkpoint = checkpointAt(25, 5, nil)
	b.State.Start = storage.Position{Index: 10, Term: 5}
	f.write(a, b)
	c := appended(b.State, run(3, 40, 7, 1500)...)
	c.State.Generation, c.State.Start = 1, storage.Position{Index: 2, Term: 4}
	c.Checkpoint = checkpointAt(36, 7, nil)
	f.write(c)
	f.check(1, c.State, c.Entries)
	f.tidy()
	f.check(1, c.State, c.Entries)
}

func testCheckpoint(t *testing.T, open Opener) {
	f := newFixture(t, open)
	a := found(1)
	b := appended(a.State, run(11, 31, 5, 10)...)
	f.write(a, b)
	for i, size := range []int{0, 10, 5000, 4 << 20, 9<<20 + 1, 20, 0} {
		want := checkpointAt(11+uint64(i), 5, data(uint64(i), 1, size))
		f.write(storage.Append{State: b.State, Checkpoint: want})
		f.hasCheckpoint(1, want)
		f.reopen()
		f.hasCheckpoint(1, want)
	}
	f.write(storage.Append{State: b.State}) // leaves it
	f.hasCheckpoint(1, checkpointAt(17, 5, nil))
}

func (f *fixture) hasCheckpoint(r storage.ReplicaID, want *storage.Checkpoint) {
	f.Helper()
	got, err := f.Checkpoint(r)
	if err != nil {
		f.Fatal(err)
	}
	if got.Position != want.Position || !proto.Equal(got.Conf, want.Conf) || !bytes.Equal(got.Machine, want.Machine) {
		f.Fatalf("checkpoint %v %v with %d bytes, want %v %v with %d", got.Position, got.Conf, len(got.Machine), want.Position, want.Conf, len(want.Machine))
	}
}

func testRemove(t *testing.T, open Opener) {
	f := newFixture(t, open)
	a, other := found(1), found(2)
	b := appended(a.State, run(11, 5011, 5, 10)...)
	c := appended(other.State, run(11, 21, 5, 2000)...)
	f.write(a, other, c)
	f.write(b)
	gone := storage.Append{State: storage.State{Shard: shard, Replica: 1}, Remove: true}
	f.write(gone)
	for _, after := range []func(){func() {}, f.reopen, f.tidy, f.reopen} {
		after()
		f.isGone(1)
		f.holds(2, c.State, c.Entries)
	}
	if err := f.Write([]storage.Append{a}); !errors.Is(err, storage.ErrRemoved) {
		t.Fatalf("a write to a removed replica: %v, want ErrRemoved", err)
	}
	if !f.Removed(1) || f.Removed(2) || f.Removed(77) {
		t.Fatalf("removed: 1 %t, 2 %t, 77 %t", f.Removed(1), f.Removed(2), f.Removed(77))
	}
	f.write(gone) // once more does no harm
	f.write(storage.Append{State: storage.State{Shard: shard, Replica: 9}, Remove: true})
	if err := f.Write([]storage.Append{found(9)}); !errors.Is(err, storage.ErrRemoved) {
		t.Fatalf("a write to a replica removed before it was there: %v, want ErrRemoved", err)
	}
	if err := f.Write([]storage.Append{{State: other.State, Remove: true}, other}); !errors.Is(err, storage.ErrRemoved) {
		t.Fatalf("a write behind the removal in the same group: %v, want ErrRemoved", err)
	}
	f.holds(2, c.State, c.Entries)
}

func (f *fixture) isGone(r storage.ReplicaID) {
	f.Helper()
	all, err := f.Replicas()
	if err != nil || slices.ContainsFunc(all, func(s storage.State) bool { return s.Replica == r }) {
		f.Fatalf("replica %d is among %v (%v)", r, all, err)
	}
	if _, err := f.Entries(r, 11, 12, 1); !errors.Is(err, storage.ErrNotFound) {
		f.Fatalf("entries of a removed replica: %v, want ErrNotFound", err)
	}
	if _, err := f.Checkpoint(r); !errors.Is(err, storage.ErrNotFound) {
		f.Fatalf("checkpoint of a removed replica: %v, want ErrNotFound", err)
	}
}

func testOrder(t *testing.T, open Opener) {
	f := newFixture(t, open)
	ids := []storage.ReplicaID{300, 2, 1 << 40, 1, 256}
	for _, r := range ids {
		f.write(found(r))
	}
	slices.Sort(ids)
	for range 2 {
		all, err := f.Replicas()
		if err != nil || len(all) != len(ids) {
			t.Fatalf("%v, %v", all, err)
		}
		for i, s := range all {
			if s.Replica != ids[i] {
				t.Fatalf("replica %d stands where %d should", s.Replica, ids[i])
			}
		}
		f.reopen()
	}
}
