package partition

import "slices"

// markBytes is how far apart the first marks are, in bytes of entries; maxMarks is how many there are at most. When they become too many,
// every second is dropped and the distance doubles: what cannot be reclaimed yet for want of a mark is a small part of the log.
const (
	markBytes = 1 << 20
	maxMarks  = 256
)

// mark is a place in the log: everything up to entry index lies below offset next.
type mark struct {
	index uint64
	next  int64
}

// marks are places in the kept part of the log, in order, so that a trim knows which entries it makes reclaimable.
type marks struct {
	at          []mark
	distance    int64  // between two marks, in bytes of entries
	since       int64  // bytes since the last mark
	reclaimable uint64 // largest index known to lie wholly below the log's start
}

// add takes note of an applied entry of records.
func (m *marks) add(at mark, bytes int) {
	if m.since += int64(bytes); m.since < m.distance {
		return
	}
	m.since = 0
	m.at = append(m.at, at)
	if len(m.at) > maxMarks {
		m.thin()
	}
}

// thin drops every second mark; the last one stays.
func (m *marks) thin() {
	kept := m.at[:0]
	for i, at := range m.at {
		if i%2 == len(m.at)%2 {
			continue
		}
		kept = append(kept, at)
	}
	m.at = kept
	m.distance *= 2
}

// trim drops the marks that lie below the log's new start. end is where the log ends.
func (m *marks) trim(start int64, end mark) {
	n := 0
	for n < len(m.at) && m.at[n].next <= start {
		m.reclaimable = m.at[n].index
		n++
	}
	m.at = slices.Delete(m.at, 0, n)
	if end.next <= start {
		m.reclaimable = end.index
	}
}

// Reclaimable is the largest index up to which no entry is needed any more by readers of this partition: all of them lie wholly
// below Start and are applied. It is exact when everything was trimmed and else known to about a hundredth of the log; it is never
// too large and never goes back. 0 is none.
func (p *Partition) Reclaimable() uint64 { return p.marks.reclaimable }
