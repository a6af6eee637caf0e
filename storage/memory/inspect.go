package memory

import (
	"maps"
	"slices"

	"github.com/troupe-mq/troupe/storage"
)

// Seal is what an entry on the disk is known by, without its data.
type Seal struct {
	Term uint64
	Type int32
	CRC  uint32
	Data []byte // the disk's own memory: not to be written to
}

// Image is one of the two states of a disk.
type Image bool

// The images: what readers see, and what a crash would leave.
const (
	Live    Image = false
	Durable Image = true
)

// Seal returns what an image holds at an index of a replica's log; ok is false if nothing is there,
// or nothing whole.
func (s *Store) Seal(of Image, id storage.ReplicaID, index uint64) (seal Seal, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.image(of).replicas[id]
	if r == nil || index <= r.held.State.Start.Index || index > r.held.State.Last.Index {
		return seal, false
	}
	it := r.at(index)
	if it.lost {
		return seal, false
	}
	return Seal{it.entry.GetTerm(), int32(it.entry.GetType()), it.crc, it.entry.Data}, true
}

// State returns the state record that an image holds of a replica; ok is false if there is none.
func (s *Store) State(of Image, id storage.ReplicaID) (state storage.State, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.image(of).replicas[id]
	if r == nil || !r.held.Known {
		return state, false
	}
	return r.held.State, true
}

// image returns one of the images. The caller holds mu.
func (s *Store) image(of Image) *image {
	if of == Durable {
		return s.durable
	}
	return s.live
}

// Backup is a copy of what was durable at some time.
type Backup struct{ image *image }

// Backup copies what is durable now.
func (s *Store) Backup() Backup {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Backup{s.durable.clone()}
}

// Roll puts an older copy of the disk back, as a careless operator does, and opens the store again.
func (s *Store) Roll(back Backup) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending, s.durable = nil, back.image.clone()
	s.open()
}

// States returns the state of every replica in the copy, in order of replica id.
func (b Backup) States() []storage.State {
	var all []storage.State
	for _, id := range slices.Sorted(maps.Keys(b.image.replicas)) {
		if h := b.image.replicas[id].held; h.Known {
			all = append(all, h.State)
		}
	}
	return all
}
