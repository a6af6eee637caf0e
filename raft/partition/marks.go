package partition

import (
	"slices"
	"sort"
)

// markBytes is how far apart the first marks are, in bytes of entries; maxMarks is how many there
// are at most. When they become too many, every second is dropped and the distance doubles; when
// few are left it halves. What cannot be reclaimed yet for want of a mark is a small part of the
// log.
const (
	markBytes = 64 << 10
	maxMarks  = 256
)

// mark is a place in the log: everything up to entry index lies below offset next. It ends a
// stretch, which is to Troupe what a segment is to Kafka: what retention and cleaning decide about
// as a whole.
type mark struct {
	index uint64
	next  int64
	bytes int64 // of record batches from the log's very beginning on
	stretch
}

// stretch is what is known of the times of some entries in a row, in ms since the epoch; -1 where
// records have none and no reading of the clock has followed: one that follows takes the place of
// the time that they lack, as the time of a segment's file does in Kafka.
type stretch struct {
	first   int64 // of the first entry, its largest
	largest int64 // of all; -1 if one of them has none
}

// with returns the stretch with another behind it.
func (s stretch) with(next stretch) stretch {
	if s.largest < 0 || next.largest < 0 {
		return stretch{s.first, -1}
	}
	return stretch{s.first, max(s.largest, next.largest)}
}

// stamp gives what has no time a reading of the clock that was made after it was written.
func (s *stretch) stamp(time int64) {
	if s.first < 0 {
		s.first = time
	}
	if s.largest < 0 {
		s.largest = time
	}
}

// untimed reports whether there are records without a time.
func (m *marks) untimed() bool {
	for i := range m.at {
		if m.at[i].first < 0 || m.at[i].largest < 0 {
			return true
		}
	}
	return m.since > 0 && (m.open.first < 0 || m.open.largest < 0)
}

// stamp gives all records without a time a reading of the clock.
func (m *marks) stamp(time int64) {
	for i := range m.at {
		m.at[i].stamp(time)
	}
	if m.since > 0 {
		m.open.stamp(time)
	}
}

// marks are places in the kept part of the log, in order.
type marks struct {
	at          []mark
	distance    int64   // between two marks, in bytes of entries
	bytes       int64   // of record batches from the log's very beginning on
	since       int64   // bytes since the last mark
	open        stretch // of the entries since the last mark; nothing if since is 0
	records     uint64  // the last entry of records
	reclaimable uint64  // largest index known to lie wholly below what is kept
}

// add takes note of an applied entry of records.
func (m *marks) add(index uint64, next int64, bytes int, times stretch) {
	m.records = index
	m.bytes += int64(bytes)
	if m.since == 0 {
		m.open = times
	} else {
		m.open = m.open.with(times)
	}
	if m.since += int64(bytes); m.since < m.distance {
		return
	}
	m.at = append(m.at, m.last(next))
	m.since = 0
	if len(m.at) > maxMarks {
		m.thin()
	}
}

// last is the place behind all entries of records, where a mark would end the open stretch.
func (m *marks) last(next int64) mark { return mark{m.records, next, m.bytes, m.open} }

// thin makes room: every second mark goes, and later ones come half as often.
func (m *marks) thin() {
	m.drop(len(m.at))
	m.distance *= 2
}

// drop drops every second of the first n marks; the last of them stays.
func (m *marks) drop(n int) {
	kept := m.at[:0]
	for i, at := range m.at {
		if i < n && i%2 == n%2 {
			m.at[i+1].stretch = at.stretch.with(m.at[i+1].stretch)
			continue
		}
		kept = append(kept, at)
	}
	m.at = kept
}

// relax lets marks come more often again when few are left.
func (m *marks) relax() {
	for len(m.at) < maxMarks/2 && m.distance > markBytes {
		m.distance /= 2
	}
}

// cleanedMarks is how many marks are left in the cleaned part at most: a log that is cleaned has a
// beginning that grows for ever.
const cleanedMarks = 32

// clean tells that the records below offset upto, up to entry index, were replaced by what a
// cleaning kept.
func (m *marks) clean(upto int64, index uint64) {
	m.free(index)
	if m.since > 0 && m.records == index { // the cleaning went through the open stretch, too
		m.at, m.since = append(m.at, m.last(upto)), 0
	}
	n := sort.Search(len(m.at), func(i int) bool { return m.at[i].next > upto })
	for ; n > cleanedMarks; n = (n + 1) / 2 {
		m.drop(n)
	}
	m.relax()
}

// trim drops the marks that lie below the log's new start. end is the entry behind which nothing
// is, if the log was trimmed to its end.
func (m *marks) trim(start int64, end uint64, whole bool) {
	n := 0
	for n < len(m.at) && m.at[n].next <= start {
		m.free(m.at[n].index)
		n++
	}
	m.at = slices.Delete(m.at, 0, n)
	if whole {
		m.free(end)
		m.since = 0
	}
	m.relax()
}

// free tells that nobody needs the entries up to index.
func (m *marks) free(index uint64) { m.reclaimable = max(m.reclaimable, index) }

// Reclaimable is the largest index up to which no entry is needed any more by readers of this
// partition: all of them are applied and lie wholly below Start, or were replaced by what a
// cleaning kept. It is exact when everything was trimmed and else known to about a hundredth of the
// log; it is never too large and never goes back. 0 is none.
func (p *Partition) Reclaimable() uint64 { return p.marks.reclaimable }

// LastRecords is the last applied entry of records that producers sent, 0 before the first.
func (p *Partition) LastRecords() uint64 { return p.marks.records }
