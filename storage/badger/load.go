package badger

import (
	"encoding/binary"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"github.com/troupe-mq/troupe/storage"
)

// tailCheck is how many of its newest entries of each replica are read and compared with their checksums at open.
const tailCheck = 4

// load reads all states and proves each log as far as keys and the newest entries prove it.
func (s *Store) load() error {
	s.states = make(map[storage.ReplicaID]storage.State)
	s.suspect = make(map[storage.ReplicaID]error)
	s.removed = make(map[storage.ReplicaID]struct{})
	return s.view(func(txn *badger.Txn) error {
		if err := s.loadStates(txn); err != nil {
			return err
		}
		s.loadTombstones(txn)
		s.checkLogs(txn)
		for r, state := range s.states {
			if err := s.checkReplica(txn, state); err != nil {
				s.doubt(r, err)
			}
		}
		return nil
	})
}

// doubt keeps the first reason why a replica is suspect.
func (s *Store) doubt(r storage.ReplicaID, err error) {
	if _, known := s.suspect[r]; !known {
		s.suspect[r] = err
	}
}

// scan calls f with every key behind a prefix, in order.
func scan(txn *badger.Txn, prefix []byte, f func(key []byte)) {
	o := badger.DefaultIteratorOptions
	o.PrefetchValues = false
	o.Prefix = prefix
	it := txn.NewIterator(o)
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		f(it.Item().Key())
	}
}

func (s *Store) loadStates(txn *badger.Txn) error {
	var ids []storage.ReplicaID
	scan(txn, []byte{'H'}, func(key []byte) {
		ids = append(ids, storage.ReplicaID(binary.BigEndian.Uint64(key[1:])))
	})
	for _, r := range ids {
		state, err := readState(txn, r)
		if err != nil {
			state = storage.State{Replica: r}
			s.doubt(r, fmt.Errorf("its state: %w", err))
		}
		s.states[r] = state
	}
	return nil
}

func readState(txn *badger.Txn, r storage.ReplicaID) (storage.State, error) {
	value, err := get(txn, replicaKey('H', r))
	if err != nil {
		return storage.State{}, err
	}
	state, err := decodeState(value)
	if err == nil && state.Replica != r {
		err = fmt.Errorf("%w: the state of replica %d lies there", storage.ErrCorrupt, state.Replica)
	}
	return state, err
}

func (s *Store) loadTombstones(txn *badger.Txn) {
	scan(txn, []byte{'X'}, func(key []byte) {
		s.removed[storage.ReplicaID(binary.BigEndian.Uint64(key[1:]))] = struct{}{}
	})
}

// checkLogs walks over all entry keys once: what lies outside a log becomes garbage, and what a log lacks makes it suspect.
func (s *Store) checkLogs(txn *badger.Txn) {
	next := make(map[storage.ReplicaID]uint64, len(s.states)) // the next index expected
	for r, state := range s.states {
		next[r] = state.Start.Index + 1
	}
	scan(txn, []byte{'L'}, func(key []byte) {
		r := storage.ReplicaID(binary.BigEndian.Uint64(key[1:]))
		generation, index := binary.BigEndian.Uint32(key[9:]), binary.BigEndian.Uint64(key[13:])
		state, ok := s.states[r]
		switch {
		case index > state.Last.Index && generation == state.Generation && ok:
			// Never written so; if it were there, the next append would overwrite it.
		case !ok || generation != state.Generation || index <= state.Start.Index:
			s.garbage.extend(stretch{r, generation, index, index + 1})
		case index != next[r]:
			s.doubt(r, fmt.Errorf("%w: entry %d is missing", storage.ErrCorrupt, next[r]))
			next[r] = index + 1
		default:
			next[r]++
		}
	})
	for r, state := range s.states {
		if next[r] != state.Last.Index+1 {
			s.doubt(r, fmt.Errorf("%w: its log ends at %d, it reached %d", storage.ErrCorrupt, next[r]-1, state.Last.Index))
		}
	}
}

// extend adds one more entry to the last stretch if it continues it.
func (g *garbage) extend(s stretch) {
	if n := len(g.list); n > 0 {
		last := &g.list[n-1]
		if last.replica == s.replica && last.generation == s.generation && last.to == s.from {
			last.to = s.to
			return
		}
	}
	g.add(s)
}

// checkReplica reads the checkpoint and the newest entries of a replica.
func (s *Store) checkReplica(txn *badger.Txn, state storage.State) error {
	c, err := checkpoint(txn, state.Replica)
	if err != nil {
		return fmt.Errorf("its checkpoint: %w", err)
	}
	if c.Index < state.Start.Index || c.Index > state.Last.Index {
		return fmt.Errorf("%w: its checkpoint at %d lies outside its log", storage.ErrCorrupt, c.Index)
	}
	from := state.Start.Index + 1
	if state.Last.Index >= from+tailCheck {
		from = state.Last.Index - tailCheck + 1
	}
	for i := from; i <= state.Last.Index; i++ {
		e, err := entry(txn, state.Replica, state.Generation, i)
		if err != nil {
			return fmt.Errorf("entry %d: %w", i, err)
		}
		if i == state.Last.Index && e.GetTerm() != state.Last.Term {
			return fmt.Errorf("%w: entry %d is of term %d, not %d", storage.ErrCorrupt, i, e.GetTerm(), state.Last.Term)
		}
	}
	return nil
}
