package memory

import (
	"errors"

	"github.com/troupe-mq/troupe/storage"
)

// ErrFull is returned for a write that the disk has no room for. As after any failed write the
// process must end; what was written before stays.
var ErrFull = errors.New("storage/memory: the disk is full")

// Limit gives the disk a size from now on, 0 none. What it holds already stays, however much it is.
func (s *Store) Limit(bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limit = bytes
}

// Room implements storage.Store.
func (s *Store) Room() storage.Room {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.room()
}

func (s *Store) room() storage.Room {
	if s.limit == 0 {
		return storage.Room{}
	}
	return storage.Room{Free: max(0, s.limit-s.live.bytes()), Total: s.limit}
}

// overflows reports whether appends bring more than there is room for, whatever they free. The
// caller holds mu.
func (s *Store) overflows(appends []storage.Append) bool {
	if s.limit == 0 {
		return false
	}
	var n int64
	for i := range appends {
		n += appends[i].DataBytes()
		if c := appends[i].Checkpoint; c != nil {
			n += int64(len(c.Machine))
		}
	}
	return n > 0 && n > s.room().Free
}
