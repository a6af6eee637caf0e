package badger

import (
	"testing"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/storage"
)

// retained appends to a log of which only the newest entries are kept.
type retained struct {
	state storage.State
	keep  uint64
	data  []byte
}

func newRetained(r storage.ReplicaID, keep uint64, size int) *retained {
	p := storage.Position{Index: 10, Term: 5}
	return &retained{state: storage.State{Shard: 1, Replica: r, Start: p, Last: p}, keep: keep, data: make([]byte, size)}
}

func (l *retained) next(n int) storage.Append {
	a := storage.Append{}
	for range n {
		l.state.Last.Index++
		a.Entries = append(a.Entries, &raftpb.Entry{Index: new(l.state.Last.Index), Term: new(uint64(5)), Data: l.data})
	}
	if l.state.Last.Index > 10+l.keep {
		l.state.Start = storage.Position{Index: l.state.Last.Index - l.keep, Term: 5}
	}
	a.State = l.state
	a.Checkpoint = &storage.Checkpoint{Position: l.state.Start, Conf: &raftpb.ConfState{}}
	if l.state.Start.Index == 10 {
		a.Checkpoint = nil
	}
	return a
}

func written(t testing.TB, s *Store, a ...storage.Append) {
	t.Helper()
	if err := s.Write(a); err != nil {
		t.Fatal(err)
	}
}
