package partition

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sort"
)

// Kept is an entry that holds what a cleaning kept.
type Kept struct {
	// the first offset that it answers for: up to the next one's, or where the cleaning ended
	Base  int64
	Index uint64 // of the entry
	Bytes int64  // of its batches
}

// Cleaned is what cleaning has made of a log: the records below Upto are those in Kept, in that
// order.
type Cleaned struct {
	Upto  int64
	Index uint64 // the last entry whose records lie below Upto
	Kept  []Kept // never changed in place
}

// cleaned is how far a log is cleaned.
type cleaned struct {
	Cleaned
	// bytes of record batches from the log's very beginning on to Upto, as they were before any
	// cleaning
	origin     int64
	tombstones int64 // records without a value among the kept
	swept      int64 // tombstones below this offset are gone
	passed     []passed
	pending    pending
	runs       runs
}

// passed is when a cleaning came to an offset, in ms since the epoch by the clock of the leader
// then: from then on tombstones below it count their age.
type passed struct{ upto, time int64 }

// maxPassed is how many of them are remembered. One that is forgotten keeps tombstones longer.
const maxPassed = 64

// pending is what a cleaning under way has kept so far.
type pending struct {
	term uint64
	kept []Kept
}

// cleaning is the end of a cleaning as an entry has it.
type cleaning struct {
	upto, index uint64
	entries     int
	origin      int64
	tombstones  int64
	swept       int64
	time        int64
}

const cleaningBytes = HeaderBytes + 5*8

// put makes an entry: the header, then index, origin, tombstones, swept and time.
func (c cleaning) put() []byte {
	b := make([]byte, HeaderBytes, cleaningBytes)
	Header{Kind: KindCleaned, Batches: uint32(c.entries), BaseOffset: int64(c.upto)}.put(b)
	for _, v := range []int64{int64(c.index), c.origin, c.tombstones, c.swept, c.time} {
		b = binary.BigEndian.AppendUint64(b, uint64(v))
	}
	return b
}

func parseCleaning(h Header, data []byte) (c cleaning, err error) {
	if len(data) != cleaningBytes {
		return c, errEntry
	}
	v := func(i int) int64 { return int64(binary.BigEndian.Uint64(data[HeaderBytes+8*i:])) }
	return cleaning{
		upto: uint64(h.BaseOffset), entries: int(h.Batches),
		index: uint64(v(0)), origin: v(1), tombstones: v(2), swept: v(3), time: v(4),
	}, nil
}

// clean applies an entry of a cleaning. Only the leader appends them, one after the other, so one
// that does not fit is a broken invariant.
func (p *Partition) clean(e tailEntry) error {
	c := &p.cleaned
	if e.header.Kind == KindKept {
		c.runs.kept(e.index)
		if e.header.First {
			c.pending = pending{term: e.term}
		}
		if n := len(c.pending.kept); c.pending.term != e.term || n > 0 && c.pending.kept[n-1].Base >= e.header.BaseOffset {
			return fmt.Errorf("partition: entry %d keeps records from offset %d on and does not continue a cleaning", e.index, e.header.BaseOffset)
		}
		c.pending.kept = append(c.pending.kept, Kept{e.header.BaseOffset, e.index, int64(len(e.data) - HeaderBytes)})
		return nil
	}
	end, err := parseCleaning(e.header, e.data)
	if err != nil {
		return err
	}
	if end.entries == 0 {
		c.pending = pending{term: e.term} // what an earlier one kept and did not end is nothing
	}
	same := c.pending.term == e.term && len(c.pending.kept) == end.entries
	if !same || end.index >= e.index || int64(end.upto) > p.next || int64(end.upto) < c.Upto {
		return fmt.Errorf("partition: entry %d ends a cleaning of %d entries up to offset %d, there are %d", e.index, end.entries, end.upto, len(c.pending.kept))
	}
	c.finish(end)
	c.trim(p.start)
	p.marks.clean(int64(end.upto), end.index)
	c.runs.drop(p.marks.reclaimable)
	return nil
}

// finish makes what a cleaning kept take the place of what it went through.
func (c *cleaned) finish(end cleaning) {
	c.Cleaned = Cleaned{int64(end.upto), end.index, c.pending.kept}
	c.origin, c.tombstones, c.swept = end.origin, end.tombstones, end.swept
	c.pending = pending{}
	if n := len(c.passed); n == 0 || c.passed[n-1].upto < int64(end.upto) {
		c.passed = append(c.passed, passed{int64(end.upto), end.time})
	}
	if len(c.passed) > maxPassed {
		c.passed = slices.Delete(c.passed, 1, 2)
	}
}

// trim drops kept entries that lie below the log's start.
func (c *cleaned) trim(start int64) {
	if start >= c.Upto {
		c.Kept, c.tombstones = nil, 0
		return
	}
	c.Kept = c.Kept[max(c.Holding(start), 0):]
}

// Holding returns which of Kept answers for an offset, -1 if none does because the log holds it or
// nothing is there.
func (c Cleaned) Holding(offset int64) int {
	if offset >= c.Upto || len(c.Kept) == 0 {
		return -1
	}
	return max(sort.Search(len(c.Kept), func(i int) bool { return c.Kept[i].Base > offset })-1, 0)
}

// bytes is how much is kept from an offset on.
func (c *cleaned) bytes(from int64) (n int64) {
	if i := c.Holding(from); i >= 0 {
		for _, k := range c.Kept[i:] {
			n += k.Bytes
		}
	}
	return n
}

// bound is the offset below which tombstones have been in the cleaned part for so long.
func (c *cleaned) bound(now, ms int64) (offset int64) {
	for _, p := range c.passed {
		if now-p.time > ms {
			offset = p.upto
		}
	}
	return offset
}

// Cleaned is what cleaning has made of the log.
func (p *Partition) Cleaned() Cleaned { return p.cleaned.Cleaned }
