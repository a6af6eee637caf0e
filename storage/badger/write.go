package badger

import (
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"github.com/troupe-mq/troupe/storage"
)

// Write implements storage.Store.
func (s *Store) Write(appends []storage.Append) error {
	err := s.update(func(txn *badger.Txn) error {
		for i := range appends {
			if err := s.put(txn, &appends[i]); err != nil {
				a := appends[i].State
				return fmt.Errorf("storage/badger: replica %d of shard %d: %w", a.Replica, a.Shard, err)
			}
		}
		return s.garbage.collect(txn)
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range appends {
		s.note(a)
	}
	return nil
}

// put adds an append to a transaction.
func (s *Store) put(txn *badger.Txn, a *storage.Append) error {
	r := a.State.Replica
	if s.isRemoved(r) {
		return fmt.Errorf("it was removed, and an id is never used again")
	}
	if a.Remove {
		return s.remove(txn, r)
	}
	for _, e := range a.Entries {
		if err := txn.Set(entryKey(r, a.State.Generation, e.GetIndex()), encodeEntry(e)); err != nil {
			return err
		}
	}
	if err := s.truncate(txn, a); err != nil {
		return err
	}
	if a.Checkpoint != nil {
		value, err := encodeCheckpoint(a.Checkpoint)
		if err != nil {
			return err
		}
		if err := txn.Set(replicaKey('C', r), value); err != nil {
			return err
		}
	}
	return txn.Set(replicaKey('H', r), encodeState(a.State))
}

// truncate deletes what the replica's log held above its new end.
func (s *Store) truncate(txn *badger.Txn, a *storage.Append) error {
	before, ok := s.state(a.State.Replica)
	if !ok || before.Generation != a.State.Generation {
		return nil
	}
	for i := a.State.Last.Index + 1; i <= before.Last.Index; i++ {
		if err := txn.Delete(entryKey(a.State.Replica, before.Generation, i)); err != nil {
			return err
		}
	}
	return nil
}

// remove deletes a replica's records and leaves a tombstone; its entries follow little by little.
func (s *Store) remove(txn *badger.Txn, r storage.ReplicaID) error {
	for _, kind := range []byte{'H', 'C'} {
		if err := txn.Delete(replicaKey(kind, r)); err != nil {
			return err
		}
	}
	return txn.Set(replicaKey('X', r), seal(sealed(0)))
}

// note takes a durable append into memory. The caller holds mu.
func (s *Store) note(a storage.Append) {
	r := a.State.Replica
	before, known := s.states[r]
	if a.Remove {
		delete(s.states, r)
		delete(s.suspect, r)
		s.removed[r] = struct{}{}
		if known {
			s.garbage.add(stretch{r, before.Generation, before.Start.Index + 1, before.Last.Index + 1})
		}
		return
	}
	if known {
		s.garbage.add(trimmed(before, a.State))
	}
	s.states[r] = a.State
}

// trimmed is what a state leaves behind that the one before still counted.
func trimmed(before, after storage.State) stretch {
	end := after.Start.Index + 1
	if before.Generation != after.Generation {
		end = before.Last.Index + 1
	}
	return stretch{before.Replica, before.Generation, before.Start.Index + 1, min(end, before.Last.Index+1)}
}

func (s *Store) state(r storage.ReplicaID) (storage.State, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	state, ok := s.states[r]
	return state, ok
}

func (s *Store) isRemoved(r storage.ReplicaID) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, ok := s.removed[r]
	return ok
}

// stretch is a range [from, to) of entries of one replica that nobody may read any more.
type stretch struct {
	replica    storage.ReplicaID
	generation uint32
	from, to   uint64
}

// garbage are entries to be deleted, a few with every write, so that no transaction grows with what is deleted.
type garbage struct{ list []stretch }

// collectKeys is how many deletions ride on one write.
const collectKeys = 1000

func (g *garbage) add(s stretch) {
	if s.from < s.to {
		g.list = append(g.list, s)
	}
}

// collect adds deletions to a transaction. They are forgotten only when done, so one that is repeated after a failure does no harm.
func (g *garbage) collect(txn *badger.Txn) error {
	for left := collectKeys; left > 0 && len(g.list) > 0; {
		s := &g.list[0]
		for ; s.from < s.to && left > 0; s.from++ {
			if err := txn.Delete(entryKey(s.replica, s.generation, s.from)); err != nil {
				return err
			}
			left--
		}
		if s.from == s.to {
			g.list = g.list[1:]
		}
	}
	return nil
}
