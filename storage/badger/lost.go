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

// lostKey holds the replicas that were in the store when it was found to have lost history: nobody
// can say which of them are concerned. They stay suspect until they are removed, whatever is
// written since.
var lostKey = []byte{'Q'}

func lost() error {
	return fmt.Errorf("%w: the newest part of the store's history was lost, as %s shows", storage.ErrCorrupt, floorName)
}

// checkFloor makes all replicas suspect if the store does not reach its floor.
func (s *Store) checkFloor(said reading) error {
	s.atOpen = said.number
	if fresh := s.version == 0; fresh && !said.known && s.floor != nil {
		return errors.Join(s.floor.raise(0), s.floor.sync(), syncDir(s.options.Dir))
	}
	if said.known && s.version >= said.number {
		if said.damaged {
			s.mended = append(s.mended, floorName+" was damaged in one of its slots, and is taken from the other one")
		}
		return nil
	}
	err := errNoFloor
	if said.known {
		err = nil
	}
	s.options.Logger.Error("the store lost the newest part of its history: all replicas of this node must be replaced",
		"dir", s.options.Dir, "reached", s.version, "acknowledged", said.number, "error", err)
	s.doubtAll()
	if s.floor == nil { // it is only looked at
		return nil
	}
	s.version = max(s.version, said.number) // the next one lies above the floor
	return s.writeLost()
}

// doubtAll makes all replicas suspect.
func (s *Store) doubtAll() {
	for r, h := range s.records {
		if h.Known {
			s.doubt(r, lost())
		}
	}
}

// writeLost makes durable which replicas are suspect, in one transaction.
func (s *Store) writeLost() error {
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
