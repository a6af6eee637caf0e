package storagetest

import (
	"bytes"
	"fmt"
	"testing"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"github.com/troupe-mq/troupe/storage"
)

// fixture is a store under test that can be opened again.
type fixture struct {
	testing.TB
	storage.Store
	open Opener
	dir  string
}

func newFixture(t *testing.T, open Opener) *fixture {
	t.Helper()
	f := &fixture{TB: t, open: open, dir: t.TempDir()}
	f.start()
	t.Cleanup(func() {
		if err := f.Store.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return f
}

func (f *fixture) start() {
	f.Helper()
	s, err := f.open(f.dir)
	if err != nil {
		f.Fatalf("open: %v", err)
	}
	f.Store = s
}

// reopen closes and opens the store, and expects that every replica is proved.
func (f *fixture) reopen() {
	f.Helper()
	if err := f.Store.Close(); err != nil {
		f.Fatalf("close: %v", err)
	}
	f.start()
	if bad := f.Suspect(); len(bad) > 0 {
		f.Fatalf("suspect after it was opened again: %v", bad)
	}
}

func (f *fixture) write(appends ...storage.Append) {
	f.Helper()
	if err := f.Write(appends); err != nil {
		f.Fatalf("write: %v", err)
	}
}

// check expects a replica to hold exactly these entries, now and when opened again.
func (f *fixture) check(r storage.ReplicaID, state storage.State, want []*raftpb.Entry) {
	f.Helper()
	f.holds(r, state, want)
	f.reopen()
	f.holds(r, state, want)
}

func (f *fixture) holds(r storage.ReplicaID, state storage.State, want []*raftpb.Entry) {
	f.Helper()
	if got := f.stateOf(r); got != state {
		f.Fatalf("state of replica %d:\n%+v, want\n%+v", r, got, state)
	}
	if len(want) == 0 {
		if state.Last != state.Start {
			f.Fatalf("the test is wrong: %+v holds entries", state)
		}
		return
	}
	got, err := f.Entries(r, state.Start.Index+1, state.Last.Index+1, 1<<62)
	if err != nil {
		f.Fatalf("entries: %v", err)
	}
	if err := same(got, want); err != nil {
		f.Fatalf("entries of replica %d: %v", r, err)
	}
}

func (f *fixture) stateOf(r storage.ReplicaID) storage.State {
	f.Helper()
	all, err := f.Replicas()
	if err != nil {
		f.Fatalf("replicas: %v", err)
	}
	for _, s := range all {
		if s.Replica == r {
			return s
		}
	}
	f.Fatalf("replica %d is not among %v", r, all)
	return storage.State{}
}

func same(got, want []*raftpb.Entry) error {
	if len(got) != len(want) {
		return fmt.Errorf("%d entries, want %d", len(got), len(want))
	}
	for i := range got {
		g, w := got[i], want[i]
		if g.GetIndex() != w.GetIndex() || g.GetTerm() != w.GetTerm() || g.GetType() != w.GetType() || !bytes.Equal(g.Data, w.Data) {
			return fmt.Errorf("%d/%d of type %v and %d bytes, want %d/%d of type %v and %d bytes", g.GetIndex(), g.GetTerm(), g.GetType(),
				len(g.Data), w.GetIndex(), w.GetTerm(), w.GetType(), len(w.Data))
		}
	}
	return nil
}

const shard = storage.ShardID(70)

// founding is where the logs of these tests begin.
var founding = storage.Position{Index: 10, Term: 5}

func found(r storage.ReplicaID) storage.Append {
	return storage.Append{
		State: storage.State{Shard: shard, Replica: r, Term: 5, Commit: 10, Start: founding, Last: founding},
		Checkpoint: &storage.Checkpoint{
			Position: founding,
			Conf:     &raftpb.ConfState{Voters: []uint64{1, 2, 3}, Learners: []uint64{4}},
		},
	}
}

// run makes entries [lo, hi) of a term; each has its own data, of the given size.
func run(lo, hi, term uint64, size int) []*raftpb.Entry {
	var entries []*raftpb.Entry
	for i := lo; i < hi; i++ {
		entries = append(entries, &raftpb.Entry{Index: new(i), Term: new(term), Type: raftpb.EntryNormal.Enum(), Data: data(i, term, size)})
	}
	return entries
}

// data differs for each index and term, and does not compress.
func data(index, term uint64, size int) []byte {
	if size == 0 {
		return nil
	}
	x := index*0x9E3779B97F4A7C15 ^ term<<32 | 1
	b := make([]byte, size)
	for i := range b {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		b[i] = byte(x)
	}
	return b
}

// appended is an append of entries behind a state.
func appended(s storage.State, entries ...*raftpb.Entry) storage.Append {
	last := entries[len(entries)-1]
	s.Last = storage.Position{Index: last.GetIndex(), Term: last.GetTerm()}
	s.Term = last.GetTerm()
	return storage.Append{State: s, Entries: entries}
}

func cloned(entries []*raftpb.Entry) []*raftpb.Entry {
	out := make([]*raftpb.Entry, len(entries))
	for i, e := range entries {
		out[i] = proto.CloneOf(e)
	}
	return out
}
