package replica

import "sync/atomic"

// bookmark is where a reading of the store ended: the entry in which an offset lies, or behind
// which it does if none between holds records. What is committed stays where it is, so this is true
// of every later view in which that entry can be read.
type bookmark struct {
	offset int64
	index  uint64
}

// bookmarks are a replica's newest, so that who reads on need not look for the place. Looking reads
// some ten entries. Safe for any number of goroutines.
type bookmarks [8]atomic.Pointer[bookmark]

func (b *bookmarks) slot(offset int64) *atomic.Pointer[bookmark] {
	return &b[uint64(offset)%uint64(len(b))]
}

func (b *bookmarks) put(m *bookmark) { b.slot(m.offset).Store(m) }

// of returns the entry to read an offset from, 0 if it is not known.
func (b *bookmarks) of(offset int64) uint64 {
	if m := b.slot(offset).Load(); m != nil && m.offset == offset {
		return m.index
	}
	return 0
}
