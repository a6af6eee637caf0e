package partition

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"
)

const snapshotVersion = 2

var errSnapshot = errors.New("partition: a snapshot that this build does not understand")

// Snapshot implements raft.Machine. It is a version byte and then varints:
//
//	index, next, start, max timestamp, newest reading of the clock
//	number of epochs     of each: epoch, start
//	number of producers  in order of id, of each: id, epoch, heard, number of batches
//	                     of each batch: first and last sequence, base offset, max timestamp
//	number of marks      of each: index, next, bytes, first and largest timestamp
//	                     then distance, bytes, bytes since the last one,
//	                     first and largest timestamp since,
//	                     last entry of records, reclaimable index
//	cleaned              upto, index, origin, tombstones, swept;
//	                     number of kept entries and each (base, index, bytes);
//	                     number of passed and each (upto, time)
//	                     pending: term, and its kept entries; number of runs and each (from, to),
//	                     and the open one
//
// It is the same on every replica that has applied the same entries, and bounded by
// StageOptions.Producers.
func (p *Partition) Snapshot() []byte {
	w := &writer{b: []byte{snapshotVersion}}
	w.put(int64(p.index), p.next, p.start, p.maxTime, p.readAt)
	w.put(int64(len(p.epochs)))
	for _, e := range p.epochs {
		w.put(int64(e.Epoch), e.Start)
	}
	w.put(int64(len(p.producers)))
	for _, id := range slices.Sorted(maps.Keys(p.producers)) {
		w.put(id)
		p.producers[id].write(w)
	}
	p.marks.write(w)
	p.cleaned.write(w)
	return w.b
}

// Restore implements raft.Machine.
func (p *Partition) Restore(b []byte) error {
	p.applied, p.tail, p.staged = emptyState(), nil, nil
	if len(b) == 0 {
		return nil
	}
	if b[0] != snapshotVersion {
		return errSnapshot
	}
	r := &reader{b: b[1:]}
	p.index, p.next, p.start, p.maxTime, p.readAt = uint64(r.next()), r.next(), r.next(), r.next(), r.next()
	for n := r.count(); n > 0; n-- {
		p.epochs = append(p.epochs, Epoch{int32(r.next()), r.next()})
	}
	for n := r.count(); n > 0; n-- {
		id := r.next()
		p.producers[id] = readProducer(r)
	}
	p.marks = readMarks(r)
	p.cleaned = readCleaned(r)
	if r.bad || len(r.b) > 0 {
		return errSnapshot
	}
	return nil
}

func (p *producer) write(w *writer) {
	w.put(int64(p.epoch), p.heard, int64(p.n))
	for _, s := range p.recent[:p.n] {
		w.put(int64(s.first), int64(s.last), s.base, s.time)
	}
}

func readProducer(r *reader) *producer {
	p := &producer{epoch: int16(r.next()), heard: r.next(), n: int(r.count())}
	if p.n < 1 || p.n > keptBatches {
		r.bad = true
		return p
	}
	for i := range p.n {
		p.recent[i] = sequences{int32(r.next()), int32(r.next()), r.next(), r.next()}
	}
	return p
}

func (m *marks) write(w *writer) {
	w.put(int64(len(m.at)))
	for _, at := range m.at {
		w.put(int64(at.index), at.next, at.bytes, at.first, at.largest)
	}
	w.put(m.distance, m.bytes, m.since, m.open.first, m.open.largest, int64(m.records), int64(m.reclaimable))
}

func readMarks(r *reader) (m marks) {
	for n := r.count(); n > 0; n-- {
		m.at = append(m.at, mark{uint64(r.next()), r.next(), r.next(), stretch{r.next(), r.next()}})
	}
	m.distance, m.bytes, m.since, m.open = r.next(), r.next(), r.next(), stretch{r.next(), r.next()}
	m.records, m.reclaimable = uint64(r.next()), uint64(r.next())
	return m
}

func (c *cleaned) write(w *writer) {
	w.put(c.Upto, int64(c.Index), c.origin, c.tombstones, c.swept)
	writeKept(w, c.Kept)
	w.put(int64(len(c.passed)))
	for _, p := range c.passed {
		w.put(p.upto, p.time)
	}
	w.put(int64(c.pending.term))
	writeKept(w, c.pending.kept)
	w.put(int64(len(c.runs.closed)))
	for _, run := range append(slices.Clip(c.runs.closed), c.runs.open) {
		w.put(int64(run.From), int64(run.To))
	}
}

func readCleaned(r *reader) (c cleaned) {
	c.Upto, c.Index, c.origin, c.tombstones, c.swept = r.next(), uint64(r.next()), r.next(), r.next(), r.next()
	c.Kept = readKept(r)
	for n := r.count(); n > 0; n-- {
		c.passed = append(c.passed, passed{r.next(), r.next()})
	}
	c.pending.term = uint64(r.next())
	c.pending.kept = readKept(r)
	for n := r.count(); n > 0; n-- {
		c.runs.closed = append(c.runs.closed, Run{uint64(r.next()), uint64(r.next())})
	}
	c.runs.open = Run{uint64(r.next()), uint64(r.next())}
	return c
}

func writeKept(w *writer, kept []Kept) {
	w.put(int64(len(kept)))
	for _, k := range kept {
		w.put(k.Base, int64(k.Index), k.Bytes)
	}
}

func readKept(r *reader) (kept []Kept) {
	for n := r.count(); n > 0; n-- {
		kept = append(kept, Kept{r.next(), uint64(r.next()), r.next()})
	}
	return kept
}

type writer struct{ b []byte }

func (w *writer) put(values ...int64) {
	for _, v := range values {
		w.b = binary.AppendVarint(w.b, v)
	}
}

// reader reads varints; bad is set at the first that is not there.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) next() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.bad = true
		return 0
	}
	r.b = r.b[n:]
	return v
}

// count reads a number of things to come, each of which takes a byte at least.
func (r *reader) count() int64 {
	n := r.next()
	if n < 0 || n > int64(len(r.b)) {
		r.bad = true
		return 0
	}
	return n
}
