package partition

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/protocol/batch"
)

// keptBatches is how many of a producer's newest batches are remembered, so that their repetition is recognised: as many as Kafka's
// producers have under way at most.
const keptBatches = 5

// producer is what is remembered of an idempotent producer. Immutable; with makes the next one.
type producer struct {
	epoch    int16
	lastTime int64 // of its newest batch
	batches  []sequences
}

// sequences are the sequence numbers of one batch, and where it is.
type sequences struct {
	first, last int32
	base, next  int64
}

// with returns the producer as it is after a batch. nil is a producer that is not known.
func (p *producer) with(b batch.Batch) *producer {
	n := &producer{epoch: b.ProducerEpoch(), lastTime: b.MaxTimestamp()}
	if p != nil && p.epoch == n.epoch {
		keep := p.batches
		if len(keep) >= keptBatches {
			keep = keep[len(keep)-keptBatches+1:]
		}
		n.batches = append(n.batches, keep...)
	}
	n.batches = append(n.batches, sequences{b.BaseSequence(), b.LastSequence(), b.BaseOffset(), b.NextOffset()})
	return n
}

// repeated returns where a batch is that this one repeats.
func (p *producer) repeated(b batch.Batch) (sequences, bool) {
	if p == nil || p.epoch != b.ProducerEpoch() {
		return sequences{}, false
	}
	for _, s := range p.batches {
		if s.first == b.BaseSequence() && s.last == b.LastSequence() {
			return s, true
		}
	}
	return sequences{}, false
}

// check tells why a batch may not follow what the producer sent before, by the rules of Kafka's ProducerAppendInfo (KIP-98, KIP-360):
// a producer that is not remembered may begin anywhere, a new epoch begins at 0, and in an epoch no number is left out.
func (p *producer) check(b batch.Batch) *protocol.Error {
	if p == nil {
		return nil
	}
	id, epoch, first := b.ProducerID(), b.ProducerEpoch(), b.BaseSequence()
	switch {
	case epoch < p.epoch:
		return protocol.Errorf(kerr.InvalidProducerEpoch, "producer %d sent epoch %d after epoch %d", id, epoch, p.epoch)
	case epoch > p.epoch && first != 0:
		return protocol.Errorf(kerr.OutOfOrderSequenceNumber, "producer %d began epoch %d with sequence %d", id, epoch, first)
	case epoch == p.epoch && first != following(p.lastSequence()):
		return protocol.Errorf(kerr.OutOfOrderSequenceNumber, "producer %d sent sequence %d after %d", id, first, p.lastSequence())
	}
	return nil
}

func (p *producer) lastSequence() int32 { return p.batches[len(p.batches)-1].last }

// following returns the sequence number behind another: after 2³¹-1 comes 0.
func following(s int32) int32 { return int32((int64(s) + 1) & 0x7fffffff) }

// expireProducers forgets producers that have been silent too long by the log's own time, so that every replica forgets the same. It
// looks when that time has crossed an eighth of the limit.
func (p *Partition) expireProducers() {
	step := p.limits.ProducerExpirationMS / 8
	if p.maxTime/max(step, 1) == p.expiredAt/max(step, 1) {
		return
	}
	p.expiredAt = p.maxTime
	for id, known := range p.producers {
		if known.lastTime < p.maxTime-p.limits.ProducerExpirationMS {
			delete(p.producers, id)
		}
	}
}
