package badger

import (
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/storage"
)

// readTries bounds how often a read begins anew because writes changed the log under it.
const readTries = 8

// read runs f with a replica's record and a transaction of the same moment. A writer may meanwhile
// replace or trim what f reads, and Badger may drop it then: a read that failed is repeated as of
// now, and is only corrupt if nothing changed or it fails again and again.
func (s *Store) read(r storage.ReplicaID, f func(*badger.Txn, record) error) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	h, version, err := s.record(r)
	for try := 1; ; try++ {
		if err != nil {
			return err
		}
		failed := s.view(version, func(txn *badger.Txn) error { return f(txn, h) })
		if !errors.Is(failed, storage.ErrCorrupt) || try == readTries {
			return failed
		}
		before := version
		if h, version, err = s.record(r); version == before {
			return failed
		}
	}
}

// record returns what is held of a replica in service, and as of which transaction.
func (s *Store) record(r storage.ReplicaID) (record, uint64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	h := s.records[r]
	switch {
	case h.Suspect:
		return h, s.version, fmt.Errorf("replica %d: %w", r, s.suspect[r])
	case !h.Known:
		return h, s.version, fmt.Errorf("replica %d: %w", r, storage.ErrNotFound)
	}
	return h, s.version, nil
}

// Entries implements storage.Store.
func (s *Store) Entries(r storage.ReplicaID, lo, hi, maxBytes uint64) (entries []*raftpb.Entry, err error) {
	err = s.read(r, func(txn *badger.Txn, h record) error {
		start, last := h.State.Start.Index, h.State.Last.Index
		if lo <= start || hi > last+1 || lo >= hi {
			return fmt.Errorf("entries [%d, %d) of replica %d, which has (%d, %d]: %w", lo, hi, r, start, last, storage.ErrOutOfRange)
		}
		var err error
		entries, err = readEntries(txn, h.State, lo, hi, maxBytes)
		return err
	})
	if err != nil {
		return nil, err
	}
	return entries, nil
}

// readEntries reads by points, not with an iterator: an open iterator anywhere keeps Badger from
// deleting dead value-log files.
func readEntries(txn *badger.Txn, s storage.State, lo, hi, maxBytes uint64) ([]*raftpb.Entry, error) {
	var entries []*raftpb.Entry
	var bytes uint64
	for i := lo; i < hi; i++ {
		value, err := get(txn, entryKey(s.Replica, s.Generation, i))
		if err != nil {
			return nil, fmt.Errorf("entry %d of replica %d: %w", i, s.Replica, corrupt(err))
		}
		e, err := decodeEntry(value, i)
		if err != nil {
			return nil, fmt.Errorf("entry %d of replica %d: %w", i, s.Replica, err)
		}
		if bytes += uint64(len(e.Data)); len(entries) > 0 && bytes > maxBytes {
			break
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// Checkpoint implements storage.Store.
func (s *Store) Checkpoint(r storage.ReplicaID) (c *storage.Checkpoint, err error) {
	err = s.read(r, func(txn *badger.Txn, h record) error {
		var err error
		if c, err = readCheckpoint(txn, h); err != nil {
			return fmt.Errorf("the checkpoint of replica %d: %w", r, err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}
