package coordinator

import (
	"cmp"

	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/protocol/batch"
	"github.com/troupe-mq/troupe/raft/coordination"
)

// append sends what the turn wrote, in order, as batches that fit into an entry.
func (c *coordinator[C]) append() {
	for _, writes := range coordination.Batches(c.core.TakeWrites(), cmp.Or(c.kind.BatchBytes, batchBytes)) {
		c.appendBatch(writes)
	}
}

func (c *coordinator[C]) appendBatch(writes []*coordination.Write) {
	life, n := c.life, len(writes)
	c.ref.Append(&replica.Records{Batches: batchOf(writes, c.now()), Epoch: c.epoch, Done: func(a replica.Appended) {
		c.send(&appended{life, n, a.Err})
	}})
}

// batchOf makes one batch of writes, which are of one producer.
func batchOf(writes []*coordination.Write, at int64) batch.Batch {
	var records []batch.Record
	for _, w := range writes {
		for _, r := range w.Records {
			records = append(records, batch.Record{Timestamp: at, Key: r.Key, Value: r.Value})
		}
	}
	b := batch.Build(records)
	if p := writes[0].Producer; p != coordination.NoProducer {
		b.SetProducer(p.ID, p.Epoch, noSequence)
		b.SetTransaction(p.Transactional, p.Control)
	}
	return b
}

// noSequence is in place of a sequence number in a producer's batch that the producer did not send
// itself.
const noSequence = -1

// producerOf is whose records a batch holds.
func producerOf(b batch.Batch) coordination.Producer {
	return coordination.Producer{ID: b.ProducerID(), Epoch: b.ProducerEpoch(), Transactional: b.Transactional(), Control: b.Control()}
}

// appended tells the core what became of its writes, in the order of the log. After one that failed
// another core is loaded, with what the log holds.
func (c *coordinator[C]) appended(m *appended) {
	if m.life != c.life {
		return
	}
	if m.err == nil {
		c.core.Committed(c.now(), m.writes)
		return
	}
	c.options.Logger.Warn("a coordinator's write failed; it reloads its partition", "kind", c.kind.Name, "actor", c.name, "error", m.err)
	c.abandon(m.err)
	c.failed = c.options.Runtime.Now()
	c.look()
}
