package badger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/dgraph-io/badger/v4"

	"github.com/troupe-mq/troupe/storage"
)

// lostKey holds the replicas that were in the store when it was found to have lost history: nobody can say which of them are concerned.
// They stay suspect until they are removed, whatever is written since.
var lostKey = []byte{'Q'}

func lost() error {
	return fmt.Errorf("%w: the newest part of the store's history was lost, as %s shows", storage.ErrCorrupt, floorName)
}

// checkFloor opens the floor, and makes all replicas suspect if the store does not reach it.
func (s *Store) checkFloor() error {
	f, want, err := openFloor(s.options.Dir)
	if err != nil && !errors.Is(err, errNoFloor) {
		return err
	}
	s.floor, s.atOpen = f, want
	if fresh := s.version == 0; fresh && err != nil {
		return errors.Join(f.raise(0), f.sync(), syncDir(s.options.Dir))
	}
	if err == nil && s.version >= want {
		return nil
	}
	s.options.Logger.Error("the store lost the newest part of its history: all replicas of this node must be replaced",
		"dir", s.options.Dir, "reached", s.version, "acknowledged", want, "error", err)
	s.version = max(s.version, want) // the next one lies above the floor
	return s.writeLost()
}

// writeLost makes all replicas suspect for good, in one transaction.
func (s *Store) writeLost() error {
	for r, h := range s.records {
		if h.Known {
			s.doubt(r, lost())
		}
	}
	var body []byte
	for _, r := range slices.Sorted(maps.Keys(s.suspect)) {
		body = binary.BigEndian.AppendUint64(body, uint64(r))
	}
	return s.commit(func(txn *badger.Txn) error { return txn.Set(lostKey, seal(append(sealed(len(body)), body...))) }, func() {})
}

// readLost makes those suspect that were found so by an earlier Open.
func (l *loader) readLost() error {
	value, err := get(l.txn, lostKey)
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	var body []byte
	if err == nil {
		body, err = open(value)
	}
	if err != nil {
		return fmt.Errorf("which replicas lost history: %w", err)
	}
	for ; len(body) >= 8; body = body[8:] {
		r := storage.ReplicaID(binary.BigEndian.Uint64(body))
		if h, ok := l.records[r]; ok && !h.Removed {
			l.doubt(r, lost())
		}
	}
	return nil
}
