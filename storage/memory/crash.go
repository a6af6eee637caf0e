package memory

import (
	"fmt"
	"slices"

	"github.com/troupe-mq/troupe/storage"
)

// Delay makes the writes from now on visible, but durable only with Sync: the time between is when
// a crash loses them. The caller must not acknowledge a write before it synced it.
func (s *Store) Delay() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.delayed {
		s.delayed = true
		s.live = s.durable.clone()
	}
}

// Pending returns how many delayed writes are not durable.
func (s *Store) Pending() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.pending)
}

// Sync makes the oldest n delayed writes durable, or all of them if there are fewer: each as a
// whole and in order.
func (s *Store) Sync(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sync(min(n, len(s.pending)))
}

func (s *Store) sync(n int) {
	for _, changes := range s.pending[:n] {
		for _, c := range changes {
			s.durable.apply(c)
		}
		s.durable.reached++
	}
	s.pending = s.pending[n:]
}

// Crash forgets what is not durable and opens the store again, as a process does that was killed
// with its machine. Delay and Fail stay in force.
func (s *Store) Crash() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending = nil
	s.open()
}

// Tear is Crash in the middle of the delayed write number n, counted from 0, on a disk that had
// said to have synced what it had not: those before it are durable, and of that one the records and
// the first half of the entries. The other half is missing, so that the replicas whose it was,
// which Tear returns, are suspect. If a write has no entries nothing of it is left, as of every
// transaction that is torn on a disk that does not lie.
func (s *Store) Tear(n int) (torn []storage.ReplicaID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sync(n)
	var entries []*item
	for _, c := range s.pending[0] {
		entries = append(append(entries, c.entries...), c.next...)
	}
	half := make(map[*item]bool)
	for _, it := range entries[len(entries)/2:] {
		it.lost, half[it] = true, true
	}
	if len(entries) > 0 {
		s.sync(1)
	}
	s.pending = nil
	s.open()
	for id, r := range s.durable.replicas {
		if slices.ContainsFunc(append(slices.Clone(r.entries), r.next...), func(it *item) bool { return half[it] }) {
			torn = append(torn, id)
		}
	}
	slices.Sort(torn)
	return torn
}

// Reopen opens the store again after Close, or as if after Close.
func (s *Store) Reopen() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sync(len(s.pending))
	s.open()
}

// open checks what is durable and makes it live. The caller holds mu.
func (s *Store) open() {
	s.closed = false
	s.suspect = make(map[storage.ReplicaID]error)
	for id, r := range s.durable.replicas {
		err := r.prove()
		r.held.Suspect = err != nil
		if err != nil {
			s.suspect[id] = err
		}
	}
	s.live = s.durable
	if s.delayed {
		s.live = s.durable.clone()
	}
}

// prove checks as much of a log as a store on a disk can afford at open: that no entry is missing
// and that the newest are whole.
func (r *replica) prove() error {
	if r.distrusted {
		return storage.ErrDistrusted
	}
	for i, it := range r.entries {
		if it.lost {
			return fmt.Errorf("%w: entry %d is missing", storage.ErrCorrupt, it.entry.GetIndex())
		}
		if i+storage.TailEntries >= len(r.entries) && !it.whole() {
			return fmt.Errorf("%w: entry %d", storage.ErrCorrupt, it.entry.GetIndex())
		}
	}
	for _, it := range r.next {
		if it.lost {
			return fmt.Errorf("%w: entry %d of the log it pulls is missing", storage.ErrCorrupt, it.entry.GetIndex())
		}
	}
	return nil
}

// Corrupt flips a bit of an entry on the disk. Reading it fails from now on, and if it is among the
// newest the replica is suspect after the next Crash or Reopen. It panics if there is no such
// entry: the test is wrong.
func (s *Store) Corrupt(id storage.ReplicaID, index uint64) {
	s.damage(id, index, func(it *item) { it.crc ^= 1 })
}

// Lose makes an entry vanish from the disk: reading it fails from now on, and after the next Crash
// or Reopen the replica is suspect. It panics if there is no such entry.
func (s *Store) Lose(id storage.ReplicaID, index uint64) {
	s.damage(id, index, func(it *item) { it.lost = true })
}

func (s *Store) damage(id storage.ReplicaID, index uint64, f func(*item)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.live.replicas[id]
	if !ok || index <= r.held.State.Start.Index || index > r.held.State.Last.Index {
		panic(fmt.Sprintf("storage/memory: replica %d has no entry %d", id, index))
	}
	f(r.at(index))
}

// Fail makes every write from now on return the error, nil ends that.
func (s *Store) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = err
}
