package partition

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/protocol/batch"
)

// staged is what a leader has decided and not handed to raft: the state at the very end, and the entries under construction.
type staged struct {
	term      uint64
	next      int64
	maxTime   int64
	producers map[int64]*producer // those that differ from applied

	open   []byte   // the entry under construction, header included; empty if there is none
	header Header   // of it
	done   [][]byte // finished entries
	spare  []byte   // a buffer for the next entry
}

// Staged is where a request's records will be.
type Staged struct {
	BaseOffset int64
	// Until is the high watermark at which all of them are committed. For a repetition of an earlier batch, that batch's: it may be
	// reached already.
	Until         int64
	LogAppendTime int64 // ms since the epoch, -1 unless stamped
}

// StageOptions are how records are appended.
type StageOptions struct {
	AppendTime int64 // the broker's time to stamp, in ms since the epoch; -1 leaves the producer's
}

// Lead begins to lead in a term: what is staged starts from the whole log, the part that is not committed included.
func (p *Partition) Lead(term uint64) {
	p.staged = &staged{term: term}
	p.Unstage()
}

// Unstage drops what raft did not take: staged is again the end of the log.
func (p *Partition) Unstage() {
	s := p.staged
	s.next, s.maxTime = p.End(), p.endTime()
	s.producers = make(map[int64]*producer)
	s.open, s.done = s.open[:0], nil
	for _, e := range p.tail {
		if !e.records {
			continue
		}
		e.header.each(e.data, func(b batch.Batch) {
			if id := b.ProducerID(); id >= 0 {
				s.producers[id] = p.producer(id).with(b)
			}
		})
	}
}

// Follow ends leading.
func (p *Partition) Follow() { p.staged = nil }

// producer returns what is known of a producer at the end of what is staged.
func (p *Partition) producer(id int64) *producer {
	if known, ok := p.staged.producers[id]; ok {
		return known
	}
	return p.producers[id]
}

// Stage decides on one request: whole batches back to back that were checked. It stamps offsets and epoch into them and copies them into the
// entry under construction. Refused requests change nothing.
func (p *Partition) Stage(batches []byte, o StageOptions) (Staged, *protocol.Error) {
	first, rest, ok := batch.Next(batches)
	if !ok {
		return Staged{}, protocol.Errorf(kerr.CorruptMessage, "no whole record batch")
	}
	if id := first.ProducerID(); id >= 0 {
		if len(rest) > 0 {
			return Staged{}, protocol.Errorf(kerr.InvalidRecord, "an idempotent producer sends one batch at a time")
		}
		known := p.producer(id)
		if at, ok := known.repeated(first); ok {
			return Staged{BaseOffset: at.base, Until: at.next, LogAppendTime: -1}, nil
		}
		if err := known.check(first); err != nil {
			return Staged{}, err
		}
	}
	return p.staged.add(batches, o, p)
}

// add stamps and copies.
func (s *staged) add(batches []byte, o StageOptions, p *Partition) (Staged, *protocol.Error) {
	count, err := countBatches(batches)
	if err != nil {
		return Staged{}, err
	}
	s.room(len(batches), p.limits.EntryBytes)
	at := Staged{BaseOffset: s.next, LogAppendTime: o.AppendTime}
	for rest := batches; len(rest) > 0; {
		var b batch.Batch
		b, rest, _ = batch.Next(rest)
		b.SetBaseOffset(s.next)
		b.SetLeaderEpoch(int32(s.term))
		if o.AppendTime >= 0 {
			b.SetAppendTime(o.AppendTime)
		}
		if id := b.ProducerID(); id >= 0 {
			s.producers[id] = p.producer(id).with(b)
		}
		s.next = b.NextOffset()
		s.maxTime = max(s.maxTime, b.MaxTimestamp())
	}
	s.open = append(s.open, batches...)
	s.header.Batches += count
	at.Until = s.next
	return at, nil
}

func countBatches(batches []byte) (n uint32, _ *protocol.Error) {
	for rest := batches; len(rest) > 0; n++ {
		var ok bool
		if _, rest, ok = batch.Next(rest); !ok {
			return 0, protocol.Errorf(kerr.CorruptMessage, "the record batches do not end where their lengths say")
		}
	}
	return n, nil
}

// room makes the entry under construction one that takes n more bytes.
func (s *staged) room(n, limit int) {
	if len(s.open) > HeaderBytes && len(s.open)+n > limit {
		s.finish()
	}
	if len(s.open) == 0 {
		s.open = append(s.spare[:0], make([]byte, HeaderBytes)...)
		s.spare = nil
		s.header = Header{Kind: KindRecords, BaseOffset: s.next}
	}
}

func (s *staged) finish() {
	if len(s.open) == 0 {
		return
	}
	s.header.MaxTimestamp = s.maxTime
	s.header.put(s.open)
	s.done = append(s.done, s.open)
	s.open = nil
}

// Cut returns the entries that were staged since the last Cut, in order. They are the caller's until it calls Recycle.
func (p *Partition) Cut() [][]byte {
	s := p.staged
	s.finish()
	done := s.done
	s.done = nil
	return done
}

// keepBuffer is the largest buffer kept for the next entry.
const keepBuffer = 2 << 20

// Recycle gives the buffer of an entry back once raft has cloned it.
func (p *Partition) Recycle(entry []byte) {
	if p.staged != nil && cap(entry) <= keepBuffer && cap(entry) > cap(p.staged.spare) {
		p.staged.spare = entry[:0]
	}
}

// StageTrim stages an entry that moves the log's start to an offset; -1 is the high watermark. It returns where the log will
// start; done is true if it starts there already.
func (p *Partition) StageTrim(offset int64) (start int64, done bool, err *protocol.Error) {
	if offset == -1 {
		offset = p.next
	}
	if offset < 0 || offset > p.next {
		return 0, false, protocol.Errorf(kerr.OffsetOutOfRange, "the log cannot start at %d: it holds committed offsets up to %d", offset, p.next)
	}
	if offset <= p.start {
		return p.start, true, nil
	}
	p.staged.finish()
	entry := make([]byte, HeaderBytes)
	Header{Kind: KindTrim, BaseOffset: offset, MaxTimestamp: p.staged.maxTime}.put(entry)
	p.staged.done = append(p.staged.done, entry)
	return offset, false, nil
}
