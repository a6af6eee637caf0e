package badger

import (
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/storage"
)

// Entries implements storage.Store.
func (s *Store) Entries(r storage.ReplicaID, lo, hi, maxBytes uint64) ([]*raftpb.Entry, error) {
	state, ok := s.state(r)
	switch {
	case !ok:
		return nil, fmt.Errorf("replica %d: %w", r, storage.ErrNotFound)
	case lo <= state.Start.Index || hi > state.Last.Index+1 || lo >= hi:
		return nil, fmt.Errorf("entries [%d, %d) of replica %d, which has (%d, %d]: %w", lo, hi, r, state.Start.Index, state.Last.Index, storage.ErrOutOfRange)
	}
	var entries []*raftpb.Entry
	err := s.view(func(txn *badger.Txn) error {
		bytes := uint64(0)
		for i := lo; i < hi; i++ {
			e, err := entry(txn, r, state.Generation, i)
			if err != nil {
				return s.lost(r, i, err)
			}
			if bytes += uint64(len(e.Data)); len(entries) > 0 && bytes > maxBytes {
				return nil
			}
			entries = append(entries, e)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return entries, nil
}

func entry(txn *badger.Txn, r storage.ReplicaID, generation uint32, index uint64) (*raftpb.Entry, error) {
	value, err := get(txn, entryKey(r, generation, index))
	if err != nil {
		return nil, err
	}
	return decodeEntry(value, index)
}

// lost says why an entry that ought to be there could not be read: it was trimmed meanwhile, or it is lost.
func (s *Store) lost(r storage.ReplicaID, index uint64, err error) error {
	if state, ok := s.state(r); !ok || index <= state.Start.Index || index > state.Last.Index {
		return fmt.Errorf("entry %d of replica %d: %w", index, r, storage.ErrOutOfRange)
	}
	if errors.Is(err, storage.ErrNotFound) {
		err = storage.ErrCorrupt
	}
	return fmt.Errorf("entry %d of replica %d: %w", index, r, err)
}
