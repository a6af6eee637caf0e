package memory

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sync"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"github.com/troupe-mq/troupe/storage"
)

// Store is storage.Store in memory. The zero value is not usable; see New.
type Store struct {
	mu      sync.Mutex
	live    *image // what readers see
	durable *image // what a crash leaves; the same as live unless writes are delayed
	delayed bool
	pending [][]change // in live, not yet in durable
	suspect map[storage.ReplicaID]error
	fail    error
	limit   int64 // bytes of the disk, 0 without end
	closed  bool
}

var _ storage.Store = (*Store)(nil)

// New returns an empty store.
func New() *Store {
	m := newImage()
	return &Store{live: m, durable: m, suspect: map[storage.ReplicaID]error{}}
}

// Node implements storage.Store.
func (s *Store) Node() (storage.Node, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return storage.Node{}, storage.ErrClosed
	case s.live.node == nil:
		return storage.Node{}, storage.ErrNotFound
	}
	return cloneNode(*s.live.node), nil
}

// WriteNode implements storage.Store. It is never delayed.
func (s *Store) WriteNode(n storage.Node) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(); err != nil {
		return err
	}
	n = cloneNode(n)
	s.live.node, s.durable.node = &n, &n
	s.durable.reached++
	return nil
}

// usable tells why nothing can be written. The caller holds mu.
func (s *Store) usable() error {
	if s.closed {
		return storage.ErrClosed
	}
	return s.fail
}

// Replicas implements storage.Store.
func (s *Store) Replicas() ([]storage.State, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, storage.ErrClosed
	}
	var all []storage.State
	for _, r := range s.live.replicas {
		if r.held.Known && !r.held.Suspect {
			all = append(all, r.held.State)
		}
	}
	slices.SortFunc(all, func(a, b storage.State) int { return cmp.Compare(a.Replica, b.Replica) })
	return all, nil
}

// Suspect implements storage.Store.
func (s *Store) Suspect() map[storage.ReplicaID]error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.suspect)
}

// Removed implements storage.Store.
func (s *Store) Removed(id storage.ReplicaID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.live.held(id).Removed
}

// Write implements storage.Store.
func (s *Store) Write(appends []storage.Append) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(); err != nil {
		return err
	}
	changes, err := s.check(appends)
	if err != nil {
		return err
	}
	if s.overflows(appends) {
		return ErrFull
	}
	for _, c := range changes {
		s.live.apply(c)
		switch r := c.after.State.Replica; {
		case c.after.Removed:
			delete(s.suspect, r)
		case c.distrust && s.suspect[r] == nil:
			s.suspect[r] = storage.ErrDistrusted
		}
	}
	if s.delayed {
		s.pending = append(s.pending, changes)
	} else {
		s.durable.reached++
	}
	return nil
}

// Reached implements storage.Store.
func (s *Store) Reached() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.durable.reached
}

// check decides about all appends before any of them is performed, and copies them.
func (s *Store) check(appends []storage.Append) ([]change, error) {
	var cost storage.Cost
	held := make(map[storage.ReplicaID]storage.Held, len(appends))
	changes := make([]change, 0, len(appends))
	for i := range appends {
		a := &appends[i]
		id := a.State.Replica
		before, ok := held[id]
		if !ok {
			before = s.live.held(id)
		}
		after, err := before.After(a)
		if err != nil {
			return nil, fmt.Errorf("storage/memory: replica %d of shard %d: %w", id, a.State.Shard, err)
		}
		held[id] = after
		cost = cost.Plus(a.Cost())
		changes = append(changes, newChange(a, after))
	}
	if !cost.Fits() {
		return nil, fmt.Errorf("storage/memory: %w: a write of %d keys and %d small bytes is too large: split it", storage.ErrRefused, cost.Keys, cost.Bytes)
	}
	return changes, nil
}

func newChange(a *storage.Append, after storage.Held) change {
	c := change{after: after, distrust: a.Distrust && !after.Removed}
	if after.Removed || c.distrust {
		return c
	}
	for _, e := range a.Entries {
		c.entries = append(c.entries, newItem(e))
	}
	for _, e := range a.NextEntries {
		c.next = append(c.next, newItem(e))
	}
	if a.Checkpoint != nil {
		c.checkpoint = cloneCheckpoint(a.Checkpoint)
	}
	return c
}

// Entries implements storage.Store.
func (s *Store) Entries(id storage.ReplicaID, lo, hi, maxBytes uint64) ([]*raftpb.Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.replica(id)
	if err != nil {
		return nil, err
	}
	start, last := r.held.State.Start.Index, r.held.State.Last.Index
	if lo <= start || hi > last+1 || lo >= hi {
		return nil, fmt.Errorf("entries [%d, %d) of replica %d, which has (%d, %d]: %w", lo, hi, id, start, last, storage.ErrOutOfRange)
	}
	var entries []*raftpb.Entry
	var bytes uint64
	for i := lo; i < hi; i++ {
		it := r.at(i)
		if bytes += uint64(len(it.entry.Data)); len(entries) > 0 && bytes > maxBytes {
			break
		}
		if !it.whole() {
			return nil, fmt.Errorf("entry %d of replica %d: %w", i, id, storage.ErrCorrupt)
		}
		entries = append(entries, proto.CloneOf(it.entry))
	}
	return entries, nil
}

// replica returns a replica that may be read. The caller holds mu.
func (s *Store) replica(id storage.ReplicaID) (*replica, error) {
	if s.closed {
		return nil, storage.ErrClosed
	}
	r, ok := s.live.replicas[id]
	if !ok || !r.held.Known {
		return nil, fmt.Errorf("replica %d: %w", id, storage.ErrNotFound)
	}
	if err := s.suspect[id]; err != nil {
		return nil, fmt.Errorf("replica %d: %w", id, err)
	}
	return r, nil
}

// Checkpoint implements storage.Store.
func (s *Store) Checkpoint(id storage.ReplicaID) (*storage.Checkpoint, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.replica(id)
	switch {
	case err != nil:
		return nil, err
	case r.checkpoint == nil:
		return nil, fmt.Errorf("the checkpoint of replica %d: %w", id, storage.ErrNotFound)
	}
	return cloneCheckpoint(r.checkpoint), nil
}

// Usage implements storage.Store. Nothing dead is kept, so that nothing of it has to be given back.
func (s *Store) Usage() (u storage.Usage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u.Live = s.live.bytes()
	u.Disk = u.Live
	u.Free = s.room().Free
	return u
}

// Close implements storage.Store. What was delayed and not synced becomes durable, as on a disk
// that is left in peace. Reopen opens the store again.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sync(len(s.pending))
	s.closed = true
	return nil
}
