package partition

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/troupe-mq/troupe/protocol/batch"
	"github.com/troupe-mq/troupe/storage"
)

// Sweep carries a cleaning out on batches that somebody reads for it: first Note of every batch
// from Dirty up to Upto, then Keep of every batch from Start up to Upto, both in order, then End.
// What they return is to be staged, in order, and committed.
//
// Of the records with the same key the last one below Upto stays, unless it is a tombstone whose
// time has come. Batches of transactions and control batches stay as they are, and what they hold
// replaces nothing: which of it was aborted is not known here. Records without a key are dropped,
// as Kafka does; a topic that is compacted does not take them.
//
// The last batch below Upto stays, without records if none of them does: whoever reads to the end
// of the log gets there. As Kafka's cleaner, which leaves such a batch at the end of each round.
type Sweep struct {
	Cleaning
	limit  int // bytes of an entry, about
	latest map[key]int64

	first      bool
	base       int64 // first offset that the entry under construction answers for
	next       int64 // offset behind the last batch
	largest    int64
	batches    uint32
	open       []byte
	entries    int
	tombstones int64
	emptied    batch.Batch // what to leave of the last batch if nothing of it is kept; else nil
}

// key is enough of the digest of a record's key to stand for it.
type key [16]byte

func keyOf(k []byte) key {
	sum := sha256.Sum256(k)
	return key(sum[:16])
}

// NewSweep begins a cleaning that makes entries of about so many bytes.
func NewSweep(c Cleaning, entryBytes int) *Sweep {
	return &Sweep{Cleaning: c, limit: entryBytes, latest: make(map[key]int64), first: true, base: c.Start, largest: -1}
}

// apart reports whether a batch is left as it is.
func apart(b batch.Batch) bool { return b.Control() || b.Transactional() }

// readable reports whether the records of a batch can be read. Older builds took batches without
// opening them. One that nobody can read stays as it is, and replaces nothing.
func readable(b batch.Batch) bool {
	return b.Outlines(func(batch.Outline) bool { return true }) == nil
}

// Note takes note of the keys in a batch.
func (s *Sweep) Note(b batch.Batch) error {
	if apart(b) || !readable(b) {
		return nil
	}
	return b.Outlines(func(r batch.Outline) bool {
		if r.Key != nil && r.Offset >= s.Dirty && r.Offset < s.Upto {
			s.latest[keyOf(r.Key)] = r.Offset
		}
		return true
	})
}

// Keep takes a batch and returns an entry when there is enough for one, else nil.
func (s *Sweep) Keep(b batch.Batch) (entry []byte, err error) {
	kept := b
	if !apart(b) {
		before := s.tombstones
		if kept, err = b.Filter(s.stays); errors.Is(err, batch.ErrRecords) {
			kept, s.tombstones = b, before
		} else if err != nil {
			return nil, err
		}
		if len(kept) > MaxBatchBytes { // compressed less well than it was
			kept, s.tombstones = b, before
		}
		if b.Count() == 0 { // the end of an earlier cleaning
			kept = nil
		}
	}
	s.emptied = nil
	if len(kept) > 0 {
		entry = s.add(kept)
	} else {
		s.emptied = b.Emptied()
	}
	s.next = b.NextOffset()
	return entry, nil
}

// add puts a batch into the entry under construction, or into the next one: then it returns the one
// before.
func (s *Sweep) add(b batch.Batch) (entry []byte) {
	if len(s.open) > HeaderBytes && len(s.open)+len(b) > s.limit {
		entry = s.cut()
	}
	if s.open == nil {
		s.open = make([]byte, HeaderBytes)
	}
	s.open = append(s.open, b...)
	s.largest = max(s.largest, b.MaxTimestamp())
	s.batches++
	return entry
}

func (s *Sweep) stays(r batch.Outline) bool {
	if r.Key == nil || r.Offset < s.Start {
		return false
	}
	if last, ok := s.latest[keyOf(r.Key)]; ok && last > r.Offset {
		return false
	}
	if !r.Null {
		return true
	}
	if r.Offset < s.Tombstones {
		return false
	}
	s.tombstones++
	return true
}

// cut finishes the entry under construction.
func (s *Sweep) cut() []byte {
	entry := s.open
	Header{Kind: KindKept, First: s.first, Batches: s.batches, BaseOffset: s.base, MaxTimestamp: s.largest}.put(entry)
	s.first, s.base, s.open, s.batches = false, s.next, nil, 0
	s.entries++
	return entry
}

// End returns the last entries: what is left to be kept, if anything is, and the end of the
// cleaning.
func (s *Sweep) End() [][]byte {
	var entries [][]byte
	if s.emptied != nil {
		s.next = s.emptied.BaseOffset() // what an entry of its own would answer for
		if entry := s.add(s.emptied); entry != nil {
			entries = append(entries, entry)
		}
	}
	if s.open != nil {
		entries = append(entries, s.cut())
	}
	return append(entries, cleaning{
		upto: uint64(s.Upto), index: s.index, entries: s.entries, origin: s.origin,
		tombstones: s.tombstones, swept: max(s.Tombstones, 0), time: s.Time,
	}.put())
}

// StageEntry stages an entry of a Sweep. It returns which of those that Cut returns next it is.
func (p *Partition) StageEntry(entry []byte) (int, error) {
	switch {
	case p.staged == nil:
		return 0, errNotLeading
	case len(entry) > storage.MaxEntryBytes:
		return 0, fmt.Errorf("partition: %d bytes are too much for one entry", len(entry))
	}
	p.staged.finish()
	p.staged.done = append(p.staged.done, entry)
	return len(p.staged.done) - 1, nil
}
