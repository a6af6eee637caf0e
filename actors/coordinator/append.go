package coordinator

import (
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/protocol/batch"
	"github.com/troupe-mq/troupe/raft/group"
)

// batchBytes is how large a batch of writes becomes; a write that is larger by itself has one of
// its own.
const batchBytes = 1 << 20

// append sends what the turn wrote, in order, as batches that fit into an entry.
func (c *coordinator) append() {
	writes := c.core.TakeWrites()
	for len(writes) > 0 {
		n, bytes := 1, writes[0].Bytes()
		for n < len(writes) && bytes+writes[n].Bytes() <= batchBytes {
			bytes += writes[n].Bytes()
			n++
		}
		c.appendBatch(writes[:n])
		writes = writes[n:]
	}
}

func (c *coordinator) appendBatch(writes []*group.Write) {
	at, life, n := c.now(), c.life, len(writes)
	var records []batch.Record
	for _, w := range writes {
		for _, r := range w.Records {
			records = append(records, batch.Record{Timestamp: at, Key: r.Key, Value: r.Value})
		}
	}
	c.ref.Append(&replica.Records{Batches: batch.Build(records), Epoch: c.epoch, Done: func(a replica.Appended) {
		c.send(&appended{life, n, a.Err})
	}})
}

// appended tells the core what became of its writes, in the order of the log. After one that failed
// it is loaded anew, with what the log holds.
func (c *coordinator) appended(m *appended) {
	if m.life != c.life {
		return
	}
	if m.err == nil {
		c.core.Committed(c.now(), m.writes)
		return
	}
	c.options.Logger.Warn("a write of a group coordinator failed; it loads its groups anew", "actor", c.name, "error", m.err)
	c.abandon(m.err)
	c.failed = c.options.Runtime.Now()
	c.look()
}
