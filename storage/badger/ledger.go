package badger

import (
	"sort"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/storage"
)

// ledger knows how many bytes of entries and checkpoints count. The writer keeps it; total is what
// Usage shows.
type ledger struct {
	weights map[storage.ReplicaID]*weight
	total   int64
}

// weight is what one replica has.
type weight struct {
	generation uint32 // of log
	log, next  scale
	checkpoint int64
	counted    int64 // of it in the ledger's total
}

// of returns the weight of a replica whose log is in a generation.
func (l *ledger) of(r storage.ReplicaID, generation uint32) *weight {
	w := l.weights[r]
	switch {
	case w == nil:
		w = &weight{generation: generation}
		l.weights[r] = w
	case generation == w.generation+1:
		w.generation, w.log, w.next = generation, w.next, scale{}
	case generation != w.generation:
		w.generation, w.log, w.next = generation, scale{}, scale{}
	}
	return w
}

// settle takes into the total what counts of a replica.
func (l *ledger) settle(r storage.ReplicaID, h record) {
	w := l.weights[r]
	if w != nil {
		l.total -= w.counted
	}
	if !h.Known {
		delete(l.weights, r)
		return
	}
	w = l.of(r, h.State.Generation)
	w.log.forget(h.State.Start.Index)
	w.counted = w.log.between(h.State.Start.Index, h.State.Last.Index) + w.next.between(h.State.Next.Start.Index, h.State.Next.Last.Index) + w.checkpoint
	l.total += w.counted
}

// scale tells how many bytes the entries of a stretch of a log have: exactly from mark to mark, and
// between two marks as if all entries there were of one size. The last mark is the log's end.
type scale struct{ marks []mark }

// mark says how many bytes the entries up to an index have.
type mark struct {
	index uint64
	bytes int64
}

const (
	scaleMarks = 64       // are kept at most
	scaleStep  = 64 << 10 // bytes between two marks at least, but for the last; more in a long log
)

// extend adds entries. Those of a log that it held at their indexes or above are gone.
func (s *scale) extend(entries []*raftpb.Entry) {
	for _, e := range entries {
		s.add(e.GetIndex(), int64(len(e.Data)))
	}
}

func (s *scale) add(index uint64, bytes int64) {
	s.truncate(index - 1)
	n := len(s.marks)
	if n == 0 || s.marks[n-1].index < index-1 { // a log has no holes: it begins anew
		s.marks, n = append(s.marks[:0], mark{index: index - 1}), 1
	}
	end := mark{index, s.marks[n-1].bytes + bytes}
	if n > 1 && s.marks[n-1].bytes-s.marks[n-2].bytes < s.step() {
		s.marks[n-1] = end
		return
	}
	if s.marks = append(s.marks, end); len(s.marks) > scaleMarks {
		s.thin()
	}
}

// step is how far apart marks are to be: a part of the whole, so that a scale stays small and about
// as exact, whatever the log.
func (s *scale) step() int64 {
	whole := s.marks[len(s.marks)-1].bytes - s.marks[0].bytes
	return max(scaleStep, whole/(scaleMarks/2))
}

// thin drops marks that are closer than a step.
func (s *scale) thin() {
	step, last := s.step(), s.marks[len(s.marks)-1]
	kept := s.marks[:1]
	for _, m := range s.marks[1 : len(s.marks)-1] {
		if m.bytes-kept[len(kept)-1].bytes >= step {
			kept = append(kept, m)
		}
	}
	s.marks = append(kept, last)
}

// truncate drops what is above an index.
func (s *scale) truncate(index uint64) {
	n := len(s.marks)
	switch {
	case n == 0 || s.marks[n-1].index <= index:
		return
	case s.marks[0].index > index:
		s.marks = s.marks[:0]
		return
	}
	end := mark{index, s.upto(index)}
	at := sort.Search(n, func(i int) bool { return s.marks[i].index >= index })
	s.marks = append(s.marks[:at], end)
}

// forget drops marks that are not needed any more because the log begins behind an index.
func (s *scale) forget(index uint64) {
	at := sort.Search(len(s.marks), func(i int) bool { return s.marks[i].index > index })
	if at > 1 {
		s.marks = append(s.marks[:0], s.marks[at-1:]...)
	}
}

// between returns the bytes of the entries behind from, up to to.
func (s *scale) between(from, to uint64) int64 { return s.upto(to) - s.upto(from) }

// upto returns the bytes of the entries up to an index, of those that the scale knows.
func (s *scale) upto(index uint64) int64 {
	n := len(s.marks)
	at := sort.Search(n, func(i int) bool { return s.marks[i].index >= index })
	switch {
	case n == 0:
		return 0
	case at == n:
		return s.marks[n-1].bytes
	case at == 0:
		return s.marks[0].bytes
	}
	a, b := s.marks[at-1], s.marks[at]
	return a.bytes + int64(float64(b.bytes-a.bytes)*float64(index-a.index)/float64(b.index-a.index))
}
