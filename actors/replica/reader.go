package replica

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"sort"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/protocol/batch"
	"github.com/troupe-mq/troupe/raft"
	"github.com/troupe-mq/troupe/raft/partition"
	"github.com/troupe-mq/troupe/storage"
)

// reader reads committed records of a View: from the tail in memory first, then from the store.
// Where an offset lies is found by the known places and, between two of them, by bisection over the
// base offsets that stand in the entries themselves. What was cleaned lies in entries of its own,
// out of order, whose places are known.
type reader struct {
	store   storage.Store
	replica storage.ReplicaID
	first   uint64 // first entry that may be read
	applied uint64 // last entry that may be read
	records uint64 // last entry of records that producers sent
	cleaned partition.Cleaned
	runs    []partition.Run // of entries without records of producers
	chunks  []chunk
	anchors []anchor
	epochs  []partition.Epoch
	largest int64 // largest timestamp of the log, -1 before the first record
	meters  *Meters
}

// Read returns committed record batches from the batch that contains offset on. Empty if offset is
// not below limits.Upto, or if the first batch does not fit. Where cleaning has left nothing it is
// a batch without records: each reader comes to the end. OFFSET_OUT_OF_RANGE (a *protocol.Error) if
// offset lies outside [LogStart, HighWatermark].
func (v *View) Read(offset int64, limits FetchLimits) ([]Chunk, error) {
	return v.read(offset, limits, v.meters)
}

// read is Read, counted by m.
func (v *View) read(offset int64, limits FetchLimits, m *Meters) ([]Chunk, error) {
	if offset < v.LogStart || offset > v.HighWatermark {
		return nil, protocol.Errorf(kerr.OffsetOutOfRange, "offset %d lies outside [%d, %d]", offset, v.LogStart, v.HighWatermark)
	}
	if offset >= limits.Upto || v.replica == 0 {
		return nil, nil
	}
	r := &reading{offset: offset, limits: limits}
	at := v.inTail(offset)
	m.read(at >= 0)
	if at >= 0 {
		for _, c := range v.chunks[at:] {
			if !r.take(c.data) {
				break
			}
		}
		return r.out, nil
	}
	if err := v.readStore(offset, r); err != nil {
		if newest := v.newer(err); newest != nil {
			return newest.read(offset, limits, m)
		}
		return nil, v.unreadable(err)
	}
	if len(r.out) == 0 && !r.full {
		return v.hole(offset, limits.Upto)
	}
	return r.out, nil
}

// hole is what a reader gets at an offset after which nothing is kept up to another: a batch
// without records that has it go on there. It would wait for ever otherwise, for records that do
// not come. Only cleaning makes holes: where the log was not cleaned, nothing at an offset is a
// record that was lost, and is not passed over.
func (v *View) hole(offset, upto int64) ([]Chunk, error) {
	if offset >= v.cleaned.Upto {
		return nil, protocol.Errorf(kerr.KafkaStorageError, "nothing is stored at offset %d, which lies in [%d, %d)", offset, v.LogStart, v.HighWatermark)
	}
	return []Chunk{Chunk(batch.Empty(offset, min(upto, v.cleaned.Upto), v.EpochOf(offset)))}, nil
}

// newer returns a later view if entries were gone that this one counts on: what was trimmed is
// nowhere, what was cleaned lies elsewhere.
func (v *View) newer(err error) *View {
	if v.views == nil || !errors.Is(err, storage.ErrOutOfRange) {
		return nil
	}
	if newest := v.views.View(); newest != v {
		return newest
	}
	return nil
}

// inTail returns which chunk holds an offset, -1 if it lies before the tail.
func (v *View) inTail(offset int64) int {
	if len(v.chunks) == 0 || offset < v.chunks[0].base {
		return -1
	}
	return sort.Search(len(v.chunks), func(i int) bool { return v.chunks[i].next > offset })
}

// readStore reads entries of the store until the reading has enough.
func (v *View) readStore(offset int64, r *reading) error {
	from := place{kept: len(v.cleaned.Kept)}
	if at := v.cleaned.Holding(offset); at >= 0 {
		from.kept = at
	}
	var err error
	if from.index, err = v.begin(offset); err != nil {
		return err
	}
	var mark *bookmark
	err = v.walk(from, func() uint64 { return uint64(max(r.left(), 1)) }, func(index uint64, data []byte) (bool, error) {
		more := r.take(data)
		if mark = nil; index > 0 && len(r.out) > 0 {
			mark = &bookmark{r.next, index}
			if more {
				mark.index++
			}
		}
		r.full = r.full || r.left() <= 0
		return more && !r.full, nil
	})
	if v.views != nil && mark != nil {
		v.views.marks.put(mark)
	}
	return err
}

// begin returns the entry of the log to read from: that which holds an offset, or if that is in
// what was cleaned the first behind it.
func (v *View) begin(offset int64) (uint64, error) {
	if v.views != nil && offset >= v.cleaned.Upto {
		if index := v.views.marks.of(offset); index >= v.first && index <= v.records {
			return index, nil
		}
	}
	return v.find(max(offset, v.cleaned.Upto))
}

// place is where to read from: first what a cleaning kept, from one of its entries on, and then the
// log from an index on.
type place struct {
	kept  int
	index uint64
}

// walk calls f with the entries of records from a place on, in order of offset, until it has
// enough. room is how many bytes of entries are worth to be read at once. What was cleaned has
// index 0.
func (v *View) walk(from place, room func() uint64, f func(index uint64, data []byte) (more bool, err error)) error {
	for ; from.kept < len(v.cleaned.Kept); from.kept++ {
		data, err := v.entry(v.cleaned.Kept[from.kept].Index)
		if err != nil {
			return err
		}
		if more, err := f(0, data); err != nil || !more {
			return err
		}
	}
	for index := partition.Jump(v.runs, from.index); index <= v.records; index = partition.Jump(v.runs, index) {
		entries, err := v.store.Entries(v.replica, index, v.records+1, room())
		if err != nil {
			return err
		}
		for _, e := range entries {
			index = e.GetIndex() + 1
			data := raft.Payload(e)
			if !isRecords(data) {
				continue
			}
			if more, err := f(e.GetIndex(), data); err != nil || !more {
				return err
			}
		}
	}
	return nil
}

// entry reads what an entry holds for the partition, nothing if it is one of Raft's own.
func (v *View) entry(index uint64) ([]byte, error) {
	entries, err := v.store.Entries(v.replica, index, index+1, 0)
	if err != nil {
		return nil, err
	}
	return raft.Payload(entries[0]), nil
}

func isRecords(data []byte) bool {
	h, ok, err := partition.ParseHeader(data)
	return ok && err == nil && h.Kind == partition.KindRecords
}

// unreadable translates a failure of the store. Entries that are gone before the view is there that
// does not count on them, and replicas that are, make the client ask again.
func (v *View) unreadable(err error) error {
	if errors.Is(err, storage.ErrOutOfRange) || errors.Is(err, storage.ErrNotFound) {
		return protocol.Errorf(kerr.OffsetNotAvailable, "the records were moved or deleted a moment ago")
	}
	return protocol.Errorf(kerr.KafkaStorageError, "%v", err)
}

// find returns the entry whose records contain an offset that lies before the tail.
func (v *View) find(offset int64) (uint64, error) {
	lo, hi := v.bounds(func(a anchor) bool { return a.offset > offset })
	return v.bisect(lo, hi, func(h partition.Header) bool { return h.BaseOffset > offset })
}

// bounds returns between which entries to look: behind the last known place that is not beyond, up
// to the first that is.
func (v *View) bounds(beyond func(anchor) bool) (lo, hi uint64) {
	lo, hi = v.first, v.stored()
	i := sort.Search(len(v.anchors), func(i int) bool { return beyond(v.anchors[i]) })
	if i > 0 {
		lo = max(lo, v.anchors[i-1].index)
	}
	if i < len(v.anchors) {
		hi = min(hi, v.anchors[i].index)
	}
	return lo, hi
}

// stored is the last entry that is worth looking for in the store: the rest is in memory.
func (v *View) stored() uint64 {
	if len(v.chunks) > 0 && v.chunks[0].index >= v.first {
		return v.chunks[0].index
	}
	return v.records
}

// bisect returns the last entry in [lo, hi] that is not beyond, lo if all are. Entries without
// records count as the next one with.
func (v *View) bisect(lo, hi uint64, beyond func(partition.Header) bool) (uint64, error) {
	if hi < lo {
		return lo, nil
	}
	var failed error
	n := sort.Search(int(hi-lo)+1, func(k int) bool {
		h, ok, err := v.headerFrom(lo+uint64(k), hi)
		if err != nil {
			failed = err
		}
		return failed != nil || !ok || beyond(h)
	})
	if failed != nil {
		return 0, failed
	}
	return lo + uint64(max(n-1, 0)), nil
}

// headerFrom returns the header of the first entry of records at index or behind it, up to hi.
func (v *View) headerFrom(index, hi uint64) (partition.Header, bool, error) {
	for index = partition.Jump(v.runs, index); index <= hi; index = partition.Jump(v.runs, index+1) {
		data, err := v.entry(index)
		if err != nil {
			return partition.Header{}, false, err
		}
		h, ok, err := partition.ParseHeader(data)
		if err != nil {
			return h, false, fmt.Errorf("%w: %v", storage.ErrCorrupt, err)
		}
		if ok && h.Kind == partition.KindRecords {
			return h, true, nil
		}
	}
	return partition.Header{}, false, nil
}

// reading gathers batches from an offset on.
type reading struct {
	offset int64
	limits FetchLimits
	out    []Chunk
	bytes  int
	next   int64 // the offset behind what was taken
	full   bool  // it ended before it had come to Upto or to the end of the log
}

func (r *reading) left() int { return r.limits.MaxBytes - r.bytes }

// take adds an entry's batches as far as they fit; false if the reading is at its end.
func (r *reading) take(data []byte) bool {
	all := partition.Payload(data)
	rest := all
	begin, end := 0, 0
	more := true
	for len(rest) > 0 && more {
		b, after, ok := batch.Next(rest)
		if !ok {
			r.full = true
			return false
		}
		switch {
		case b.NextOffset() <= r.offset:
			begin += len(b)
			end = begin
		case b.BaseOffset() >= r.limits.Upto:
			more = false
		case !r.fits(len(b), end > begin):
			more, r.full = false, true
		default:
			end += len(b)
			r.bytes += len(b)
			r.next = b.NextOffset()
		}
		rest = after
	}
	if end > begin {
		r.out = append(r.out, Chunk(all[begin:end:end]))
	}
	return more
}

// fits reports whether a batch may be added; the first of all may if at least one is wanted.
func (r *reading) fits(n int, some bool) bool {
	return n <= r.left() || r.limits.MinOne && len(r.out) == 0 && !some
}

// Digest returns the last applied entry and a SHA-256 over index, term and data of every committed
// entry kept. It reads the whole log.
func (v *View) Digest() (applied uint64, hash string, err error) {
	sum := sha256.New()
	for index := v.first; index <= v.applied; {
		entries, err := v.store.Entries(v.replica, index, v.applied+1, 1<<20)
		if err != nil {
			return 0, "", err
		}
		for _, e := range entries {
			var head [24]byte
			binary.BigEndian.PutUint64(head[:], e.GetIndex())
			binary.BigEndian.PutUint64(head[8:], e.GetTerm())
			binary.BigEndian.PutUint64(head[16:], uint64(len(e.Data)))
			sum.Write(head[:])
			sum.Write(e.Data)
			index = e.GetIndex() + 1
		}
	}
	return v.applied, hex.EncodeToString(sum.Sum(nil)), nil
}
