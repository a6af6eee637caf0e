package sim

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/protocol/batch"
	"github.com/troupe-mq/troupe/storage"
)

// largeTopic takes batches of more bytes than an entry of a log does.
const largeTopic = "large"

// largeProducer writes batches of about the sizes at which something changes: what a message
// between nodes holds, what entries that hold several requests hold, what an entry may hold at
// most. What is too large is refused; nobody else notices.
func largeProducer(c *client) {
	w := c.world
	for n := 0; !w.load.quiet; n++ {
		size := []int{4 << 10, 64 << 10, 1 << 20, 1 << 20}[w.pick(4)]
		if n == 1 {
			size = storage.MaxEntryBytes // once in a world: it takes its time to be made
		}
		size += 64 - w.pick(128)
		p := &sending{at: partition{largeTopic, 0}, batch: batch.Build([]batch.Record{{Timestamp: w.now.time().UnixMilli(), Value: make([]byte, size)}})}
		if c.ship(p) {
			o := c.largeOutcome(p)
			w.note(w.clients, "a batch of %d bytes: %+v", len(p.batch), o)
			if o.noted == nil && o.code == 0 && size > storage.MaxEntryBytes {
				w.violate(Kept, "a batch of %d bytes was acknowledged, an entry takes %d", size, storage.MaxEntryBytes)
			}
		}
		c.rest(10 * w.think())
	}
}

// largeOutcome is outcome for what may be too large.
func (c *client) largeOutcome(p *sending) outcome {
	o := c.told(p)
	if o.noted == nil && o.code != kerr.MessageTooLarge.Code {
		c.mustInvite(o.code)
	}
	return o
}
