package badger

import (
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/storage"
)

// step is one append of a Write with what is held before and after it.
type step struct {
	*storage.Append
	before, after record
	chunks        [][]byte // of the checkpoint, if there is a new one
}

// Write implements storage.Store.
func (s *Store) Write(appends []storage.Append) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	s.writer.Lock()
	defer s.writer.Unlock()
	steps, after, err := s.plan(appends)
	if err != nil {
		return err
	}
	s.scratch.reset()
	if !s.reclaim.collects() {
		s.prefill.prepare(inValueLog(steps))
	}
	left := truncateKeys
	err = s.commit(func(txn *badger.Txn) error {
		for i := range steps {
			if err := s.put(txn, &steps[i], &left); err != nil {
				a := steps[i].State
				return fmt.Errorf("storage/badger: replica %d of shard %d: %w", a.Replica, a.Shard, err)
			}
		}
		return s.housekeep(txn, after, len(steps))
	}, func() { s.publish(after) })
	if err != nil {
		return err
	}
	s.reclaim.consider(s)
	return nil
}

// plan decides about all appends before any is performed. It also returns the records as they will
// be.
func (s *Store) plan(appends []storage.Append) ([]step, map[storage.ReplicaID]record, error) {
	var cost storage.Cost
	steps := make([]step, len(appends))
	after := make(map[storage.ReplicaID]record, len(appends))
	for i := range appends {
		a := &appends[i]
		r := a.State.Replica
		before, ok := after[r]
		if !ok {
			before = s.records[r] // only the writer, which this is, changes it
		}
		p, err := newStep(a, before)
		if err != nil {
			return nil, nil, fmt.Errorf("storage/badger: replica %d of shard %d: %w", r, a.State.Shard, err)
		}
		steps[i], after[r] = p, p.after
		cost = cost.Plus(a.Cost())
	}
	if !cost.Fits() {
		return nil, nil, fmt.Errorf("storage/badger: %w: a write of %d keys and %d small bytes exceeds %d and %d, and split it would not be one: merge less",
			storage.ErrRefused, cost.Keys, cost.Bytes, storage.MaxKeys, storage.MaxBytes)
	}
	return steps, after, nil
}

func newStep(a *storage.Append, before record) (p step, err error) {
	p = step{Append: a, before: before, after: record{chunks: before.chunks}}
	if p.after.Held, err = before.After(a); err != nil {
		return p, err
	}
	switch {
	case p.after.Removed:
		p.after.chunks = 0
	case a.Distrust:
	case a.Checkpoint != nil:
		p.chunks, err = encodeCheckpoint(a.Checkpoint)
		p.after.chunks = uint32(len(p.chunks))
	}
	return p, err
}

// put adds a step to a transaction. left is how many deletions of truncated keys the transaction
// still takes.
func (s *Store) put(txn *badger.Txn, p *step, left *int) error {
	r := p.State.Replica
	switch {
	case p.after.Removed:
		return s.putRemoval(txn, p)
	case p.Distrust && !p.before.Known: // it has no record to say so in, and is suspect for that
		return nil
	case p.Distrust:
		return txn.Set(replicaKey('H', r), encodeRecord(p.after))
	}
	g := p.State.Generation
	w := s.ledger.of(r, g)
	w.log.extend(p.Entries)
	w.next.extend(p.NextEntries)
	if err := errors.Join(s.putEntries(txn, r, g, p.Entries), s.putEntries(txn, r, g+1, p.NextEntries)); err != nil {
		return err
	}
	if err := s.truncate(txn, p, left); err != nil {
		return err
	}
	gone := trimmed(p.before, p.after)
	if gone.generation == w.generation {
		gone.bytes = w.log.between(gone.from-1, gone.to-1)
	}
	s.giveUp(gone)
	s.giveUp(abandoned(p.before, p.after)...)
	if p.chunks != nil {
		w.checkpoint = sizeOfChunks(p.chunks)
		if err := putChunks(txn, r, p.chunks, p.before.chunks); err != nil {
			return err
		}
	}
	return txn.Set(replicaKey('H', r), encodeRecord(p.after))
}

func (s *Store) putEntries(txn *badger.Txn, r storage.ReplicaID, generation uint32, entries []*raftpb.Entry) error {
	for _, e := range entries {
		value := encodeEntry(s.scratch.take(sealBytes+entryBytes+len(e.Data)), e)
		s.reclaim.weigh(len(value))
		if err := txn.Set(entryKey(r, generation, e.GetIndex()), value); err != nil {
			return err
		}
	}
	return nil
}

// truncateKeys is how many keys above a new end are deleted with the Write that sets it. What is
// beyond lies unread above the end, and is deleted later unless the log grew over it.
const truncateKeys = 2000

// truncate deletes what the replica's log held above its new end.
func (s *Store) truncate(txn *badger.Txn, p *step, left *int) error {
	before, after := p.before.State, p.State
	if !p.before.Known || before.Generation != after.Generation {
		return nil
	}
	from, to := max(after.Last.Index, before.Start.Index)+1, before.Last.Index+1
	for ; from < to && *left > 0; from++ {
		if err := txn.Delete(entryKey(after.Replica, after.Generation, from)); err != nil {
			return err
		}
		*left--
	}
	s.giveUp(stretch{replica: after.Replica, generation: after.Generation, from: from, to: to})
	return nil
}

// putRemoval deletes a replica's records and leaves a tombstone; its entries follow little by
// little.
func (s *Store) putRemoval(txn *badger.Txn, p *step) error {
	r := p.State.Replica
	if p.before.Removed {
		return nil
	}
	if err := txn.Delete(replicaKey('H', r)); err != nil {
		return err
	}
	if err := deleteChunks(txn, r, 0, p.before.chunks); err != nil {
		return err
	}
	s.giveUp(trimmed(p.before, p.after))
	s.giveUp(abandoned(p.before, p.after)...)
	s.release(r)
	return txn.Set(replicaKey('X', r), seal(sealed(0)))
}

// publish takes durable records into memory. The caller holds mu.
func (s *Store) publish(after map[storage.ReplicaID]record) {
	for r, h := range after {
		s.records[r] = h
		s.ledger.settle(r, h)
		switch _, known := s.suspect[r]; {
		case h.Removed:
			delete(s.suspect, r)
		case h.Suspect && !known:
			s.suspect[r] = storage.ErrDistrusted
		}
	}
}
