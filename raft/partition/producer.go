package partition

import (
	"cmp"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/protocol/batch"
)

// keptBatches is how many of a producer's newest batches are remembered, so that their repetition is recognised: as many as Kafka's
// producers have under way at most.
const keptBatches = 5

// keptProducers is how many of the newest producers are kept however long they were silent: the log's time may jump when a backlog
// is written, and those that wrote a moment ago may still repeat a batch.
const keptProducers = 64

// producer is what is remembered of an idempotent producer. Immutable; with makes the next one.
type producer struct {
	epoch  int16
	heard  int64                  // the largest timestamp of the log when it last wrote, ms since the epoch
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

// with returns the producer as it is after a batch that brings the log's largest timestamp to logTime. nil is a producer that
// is not known.
func (p *producer) with(b batch.Batch, logTime int64) *producer {
	next := &producer{epoch: b.ProducerEpoch(), heard: logTime}
	if p != nil && p.epoch == next.epoch {
		from := max(p.n-keptBatches+1, 0)
		next.n = copy(next.recent[:], p.recent[from:p.n])
	}
	next.recent[next.n] = sequences{b.BaseSequence(), b.LastSequence(), b.BaseOffset(), b.MaxTimestamp()}
	next.n++
	return next
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

// check tells why a batch may not follow what the producer sent before, by the rules of Kafka's ProducerAppendInfo (KIP-98, KIP-360):
// a producer that is not remembered may begin anywhere, a new epoch begins at 0, and in an epoch no number is left out.
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

// forgetProducers forgets producers that were silent too long by the log's own time, or that are too many. It depends on nothing
// but the log, so every replica forgets the same at the same entry. It looks when that time has crossed an eighth of the
// limit, or when there are too many, of which it then drops an eighth.
func (p *Partition) forgetProducers() {
	step := max(p.limits.ProducerExpirationMS/8, 1)
	due := p.maxTime/step != p.expiredAt/step
	surplus := 0
	if n := len(p.producers); n > p.limits.Producers {
		surplus = n - p.limits.Producers + p.limits.Producers/8
	}
	if !due && surplus == 0 {
		return
	}
	p.expiredAt = p.maxTime
	ids := p.oldestFirst()
	for i, id := range ids {
		silent := i < len(ids)-keptProducers && p.producers[id].heard < p.maxTime-p.limits.ProducerExpirationMS
		if i < surplus || silent {
			delete(p.producers, id)
		}
	}
}

// oldestFirst returns the producers in the order in which they wrote last.
func (p *Partition) oldestFirst() []int64 {
	ids := make([]int64, 0, len(p.producers))
	for id := range p.producers {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b int64) int {
		return cmp.Compare(p.producers[a].newest().base, p.producers[b].newest().base)
	})
	return ids
}
