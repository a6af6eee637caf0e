package memory

import (
	"errors"
	"testing"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/storage"
)

// A disk with a size takes what fits, refuses the rest, keeps what it has, and has room again after
// a trim.
func TestLimit(t *testing.T) {
	s := New()
	p := storage.Position{Index: 10, Term: 5}
	state := storage.State{Shard: 7, Replica: 1, Start: p, Last: p}
	write := func(entries ...*raftpb.Entry) error {
		a := storage.Append{State: state, Entries: entries}
		if n := len(entries); n > 0 {
			a.State.Last = storage.Position{Index: entries[n-1].GetIndex(), Term: 5}
		}
		err := s.Write([]storage.Append{a})
		if err == nil {
			state = a.State
		}
		return err
	}
	entry := func(i uint64) *raftpb.Entry {
		return &raftpb.Entry{Index: new(i), Term: new(uint64(5)), Data: make([]byte, 100)}
	}
	if room := s.Room(); room.Total != 0 {
		t.Fatalf("a disk without a size has %+v", room)
	}
	s.Limit(250)
	if err := write(entry(11), entry(12)); err != nil {
		t.Fatal(err)
	}
	if room := s.Room(); room != (storage.Room{Free: 50, Total: 250}) {
		t.Fatalf("%+v", room)
	}
	if err := write(entry(13)); !errors.Is(err, ErrFull) {
		t.Fatalf("%v, want ErrFull", err)
	}
	s.Crash()
	if got, err := s.Entries(1, 11, 13, 1<<20); err != nil || len(got) != 2 {
		t.Fatalf("%d entries after the crash, %v", len(got), err)
	}
	if err := write(); err != nil {
		t.Fatalf("a write that brings nothing: %v", err)
	}
	state.Start = storage.Position{Index: 11, Term: 5}
	if err := write(); err != nil {
		t.Fatal(err)
	}
	if err := write(entry(13)); err != nil {
		t.Fatal(err)
	}
}
