package partition

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/protocol/batch"
)

// keptBatches is how many of a producer's newest batches are remembered, so that their repetition
// is recognised: as many as Kafka's producers have under way at most.
const keptBatches = 5

// producer is what is remembered of an idempotent producer. Immutable; with makes the next one.
type producer struct {
	epoch  int16
	heard  int64                  // see silentSince
	n      int                    // batches remembered in this epoch, 1 at least
	recent [keptBatches]sequences // the newest n of this epoch, newest last
}

// sequences are the sequence numbers of one batch, and where it is.
type sequences struct {
	first, last int32
	base        int64 // offset of its first record
	time        int64 // its largest timestamp, ms since the epoch
}

// next is the offset behind the batch. Numbers go on at 0 after 2³¹-1.
func (s sequences) next() int64 { return s.base + int64((s.last-s.first)&0x7fffffff) + 1 }

// with returns the producer as it is after a batch that brings the log's largest timestamp to
// logTime. nil is a producer that is not known.
func (p *producer) with(b batch.Batch, logTime int64) *producer {
	next := &producer{epoch: b.ProducerEpoch(), heard: min(logTime, silenceBase-1)}
	if p != nil && p.epoch == next.epoch {
		from := max(p.n-keptBatches+1, 0)
		next.n = copy(next.recent[:], p.recent[from:p.n])
	}
	next.recent[next.n] = sequences{b.BaseSequence(), b.LastSequence(), b.BaseOffset(), b.MaxTimestamp()}
	next.n++
	return next
}

// A producer's heard is the log's largest timestamp when it wrote, until the next reading of the
// clock, which makes it silenceBase and the reading's time. Older builds, which judge by heard
// alone whether to forget, take such a producer for one that wrote in the distant future.
const (
	silenceBase = 1 << 52
	silenceEnd  = silenceBase + 1<<48
)

// silentSince returns the reading of the clock after which a producer has not written any more, in
// ms since the epoch; silent is false if it has written since the last one.
func (p *producer) silentSince() (ms int64, silent bool) {
	return p.heard - silenceBase, p.heard >= silenceBase && p.heard < silenceEnd
}

// silent returns the producer as one that has not written since a reading of the clock.
func (p *producer) silent(at int64) *producer {
	next := *p
	next.heard = silenceBase + min(max(at, 0), silenceEnd-silenceBase-1)
	return &next
}

// newest is the batch that the producer wrote last.
func (p *producer) newest() sequences { return p.recent[p.n-1] }

// repeated returns where a batch is that this one repeats.
func (p *producer) repeated(b batch.Batch) (sequences, bool) {
	if p == nil || p.epoch != b.ProducerEpoch() {
		return sequences{}, false
	}
	for _, s := range p.recent[:p.n] {
		if s.first == b.BaseSequence() && s.last == b.LastSequence() {
			return s, true
		}
	}
	return sequences{}, false
}

// check tells why a batch may not follow what the producer sent before, by the rules of Kafka's
// ProducerAppendInfo (KIP-98, KIP-360): a producer that is not remembered may begin anywhere, a new
// epoch begins at 0, and in an epoch no number is left out.
func (p *producer) check(b batch.Batch) *protocol.Error {
	if p == nil {
		return nil
	}
	id, epoch, first := b.ProducerID(), b.ProducerEpoch(), b.BaseSequence()
	last := p.newest().last
	switch {
	case epoch < p.epoch:
		return protocol.Errorf(kerr.InvalidProducerEpoch, "producer %d sent epoch %d after epoch %d", id, epoch, p.epoch)
	case epoch > p.epoch && first != 0:
		return protocol.Errorf(kerr.OutOfOrderSequenceNumber, "producer %d began epoch %d with sequence %d", id, epoch, first)
	case epoch == p.epoch && first != following(last):
		return protocol.Errorf(kerr.OutOfOrderSequenceNumber, "producer %d sent sequence %d after %d", id, first, last)
	}
	return nil
}

// following returns the sequence number behind another: after 2³¹-1 comes 0.
func following(s int32) int32 { return int32((int64(s) + 1) & 0x7fffffff) }
