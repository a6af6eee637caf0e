package partition

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/protocol/batch"
)

// staged is what a leader has decided and not handed to raft: the state at the very end, and the
// entries under construction.
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
	// Until is the high watermark at which all of them are committed. For a repetition of an earlier
	// batch, that batch's: it may be reached already.
	Until         int64
	LogAppendTime int64 // ms since the epoch, -1 unless the leader's clock is stamped
}

// StageOptions are how records are appended.
type StageOptions struct {
	AppendTime int64 // the broker's time to stamp, in ms since the epoch; -1 leaves the producer's
	// the most producers to remember; 0 takes mostProducers, which is the most in any case
	Producers int
}

// mostProducers is how many idempotent producers a partition remembers at most, at some 200 bytes
// each: a snapshot has to hold them.
const mostProducers = 1 << 16

// errCrowded refuses a producer that is not known, with an error that has its client try again. To
// forget another for it would be to forget one that may be about to repeat a batch.
var errCrowded = protocol.Errorf(kerr.KafkaStorageError, "the partition remembers as many idempotent producers as it may: another is taken when one of them "+
	"has been silent for producer.id.expiration.ms")

// crowded reports whether there is no room for a producer that is not known.
func (p *Partition) crowded(most int) bool {
	if most <= 0 || most > mostProducers {
		most = mostProducers
	}
	n := len(p.producers)
	if n+len(p.staged.producers) < most {
		return false
	}
	for id := range p.staged.producers {
		if p.producers[id] == nil {
			n++
		}
	}
	return n >= most
}

// Producers is how many idempotent producers are remembered.
func (p *Partition) Producers() int { return len(p.producers) }

// Lead begins to lead in a term: what is staged starts from the whole log, the part that is not
// committed included.
func (p *Partition) Lead(term uint64) {
	p.staged = &staged{term: term}
	p.Unstage()
}

// Unstage drops what raft did not take: staged is again the end of the log. Nothing while not
// leading.
func (p *Partition) Unstage() {
	s := p.staged
	if s == nil {
		return
	}
	s.next, s.maxTime = p.End(), p.endTime()
	s.producers = make(map[int64]*producer)
	s.open, s.done = s.open[:0], nil
	for _, e := range p.tail {
		if !e.records {
			continue
		}
		e.header.each(e.data, func(b batch.Batch) {
			if id := b.ProducerID(); id >= 0 {
				s.producers[id] = p.producer(id).with(b, e.maxTime)
			}
		})
	}
}

// settle forgets what is staged of a producer once all of it is applied. s may be nil.
func (s *staged) settle(id int64, applied int64) {
	if s == nil {
		return
	}
	if known, ok := s.producers[id]; ok && known.newest().base < applied {
		delete(s.producers, id)
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

// errNotLeading refuses what only a leader may do.
var errNotLeading = protocol.Errorf(kerr.NotLeaderForPartition, "this replica does not lead the partition: ask for its leader again")

// Stage decides on one request: whole batches back to back that were checked. It stamps offsets and
// epoch into them and copies them into the entry under construction; a repetition of an earlier
// batch is answered with that batch's place and not copied. Refused requests change nothing.
func (p *Partition) Stage(batches []byte, o StageOptions) (Staged, *protocol.Error) {
	if p.staged == nil {
		return Staged{}, errNotLeading
	}
	count, err := countBatches(batches)
	if err != nil {
		return Staged{}, err
	}
	first, _, _ := batch.Next(batches)
	if id := first.ProducerID(); id >= 0 {
		known := p.producer(id)
		if at, ok := known.repeated(first); ok {
			return at.staged(o), nil
		}
		if err := known.check(first); err != nil {
			return Staged{}, err
		}
		if known == nil && p.crowded(o.Producers) {
			return Staged{}, errCrowded
		}
	}
	return p.staged.add(batches, count, o, p), nil
}

// staged is the answer to a repetition of the batch.
func (s sequences) staged(o StageOptions) Staged {
	at := Staged{BaseOffset: s.base, Until: s.next(), LogAppendTime: -1}
	if o.AppendTime >= 0 {
		at.LogAppendTime = s.time
	}
	return at
}

// add stamps and copies.
func (s *staged) add(batches []byte, count uint32, o StageOptions, p *Partition) Staged {
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
		s.next = b.NextOffset()
		s.maxTime = max(s.maxTime, b.MaxTimestamp())
		if id := b.ProducerID(); id >= 0 {
			s.producers[id] = p.producer(id).with(b, s.maxTime)
		}
	}
	s.open = append(s.open, batches...)
	s.header.Batches += count
	at.Until = s.next
	return at
}

// countBatches counts whole batches back to back. An idempotent producer's must be alone, as Kafka
// wants it: else a part of the request might be a repetition and the rest not.
func countBatches(batches []byte) (n uint32, _ *protocol.Error) {
	if len(batches) > MaxBatchBytes {
		return 0, protocol.Errorf(kerr.MessageTooLarge, "%d bytes are too much for one entry, which takes %d", len(batches), MaxBatchBytes)
	}
	idempotent := false
	for rest := batches; len(rest) > 0; n++ {
		var b batch.Batch
		var ok bool
		if b, rest, ok = batch.Next(rest); !ok || b.LastOffsetDelta() < 0 {
			return 0, protocol.Errorf(kerr.CorruptMessage, "the record batches do not end where their lengths say")
		}
		if b.Transactional() || b.Control() {
			return 0, protocol.Errorf(kerr.InvalidTxnState, "no transaction of producer %d was begun", b.ProducerID())
		}
		idempotent = idempotent || b.ProducerID() >= 0
	}
	switch {
	case n == 0:
		return 0, protocol.Errorf(kerr.InvalidRecord, "no record batch was sent")
	case n > 1 && idempotent:
		return 0, protocol.Errorf(kerr.InvalidRecord, "an idempotent producer must send one batch at a time")
	}
	return n, nil
}

// room makes the entry under construction one that takes n more bytes.
func (s *staged) room(n, limit int) {
	if len(s.open) > HeaderBytes && len(s.open)+n > limit {
		s.finish()
	}
	if len(s.open) > 0 {
		return
	}
	if need := HeaderBytes + n; cap(s.spare) < need {
		s.spare = make([]byte, need)
	}
	s.open = s.spare[:HeaderBytes]
	clear(s.open)
	s.spare = nil
	s.header = Header{Kind: KindRecords, BaseOffset: s.next}
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

// Cut returns the entries that were staged since the last Cut, in order. They are the caller's
// until it calls Recycle.
func (p *Partition) Cut() [][]byte {
	s := p.staged
	if s == nil {
		return nil
	}
	s.finish()
	done := s.done
	s.done = nil
	return done
}

// keepBuffer is the largest buffer kept for the next entry: there may be thousands of partitions,
// each with its own.
const keepBuffer = 256 << 10

// Recycle gives the buffer of an entry back once raft has cloned it. One that is much too large for
// what comes is let go.
func (p *Partition) Recycle(entry []byte) {
	s := p.staged
	if s == nil || cap(entry) > keepBuffer || cap(entry) > 8*len(entry) || cap(entry) <= cap(s.spare) {
		return
	}
	s.spare = entry[:0]
}

// StageTrim stages an entry that moves the log's start to an offset; -1 is the high watermark. It
// returns where the log will start; done is true if it starts there already.
func (p *Partition) StageTrim(offset int64) (start int64, done bool, err *protocol.Error) {
	if p.staged == nil {
		return 0, false, errNotLeading
	}
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
