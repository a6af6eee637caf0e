package sim

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/e2e/history"
	"github.com/troupe-mq/troupe/protocol/batch"
)

// sending is a batch on its way, and the records of the history in it.
type sending struct {
	at      partition
	batch   batch.Batch
	records []int
	q       *question
}

// pack makes a batch of a few records.
func (c *client) pack(p partition, idempotent bool) *sending {
	w := c.world
	out := &sending{at: p}
	var records []batch.Record
	for range 1 + w.pick(3) {
		id, value := w.invoke(c.name, idempotent, p)
		out.records = append(out.records, id)
		v := []byte(value)
		if w.chance(12) {
			v = append(v, make([]byte, 3000)...)
		}
		records = append(records, batch.Record{Timestamp: w.now.time().UnixMilli(), Key: []byte{byte('a' + w.pick(8))}, Value: v})
	}
	out.batch = w.compressed(batch.Build(records))
	return out
}

// compressed returns a batch as it is, or in one of the codecs.
func (w *World) compressed(b batch.Batch) batch.Batch {
	if !w.chance(3) {
		return b
	}
	b, err := b.Recompress(int8(1 + w.pick(4)))
	if err != nil {
		panic(err)
	}
	return b
}

// oldest is the oldest version that a batch may be sent in: zstd came with version 7 (KIP-110).
func oldest(b batch.Batch) int16 {
	if b.Codec() == 4 {
		return 7
	}
	return 3
}

// ship sends a sending to whom the client takes for the leader; false if it knows none.
func (c *client) ship(p *sending) bool { return c.shipWith(p, -1) }

// shipWith is ship with a number of acks. With 0 there is no answer to wait for.
func (c *client) shipWith(p *sending, acks int16) bool {
	leader, ok := c.leader(p.at)
	if !ok {
		return false
	}
	r := kmsg.NewPtrProduceRequest()
	r.Version, r.Acks, r.TimeoutMillis = c.world.version(oldest(p.batch), 13), acks, 4000
	t := kmsg.NewProduceRequestTopic()
	t.Topic, t.TopicID = p.at.topic, c.ids[p.at.topic]
	part := kmsg.NewProduceRequestTopicPartition()
	part.Partition, part.Records = p.at.number, p.batch
	t.Partitions = append(t.Partitions, part)
	r.Topics = append(r.Topics, t)
	p.q = c.send(leader, r)
	p.q.silent = acks == 0
	return true
}

// outcome is what a producer was told.
type outcome struct {
	base  int64
	code  int16 // 0 acknowledged
	noted error // there was no answer
}

func (c *client) outcome(p *sending) outcome {
	o := c.told(p)
	if o.noted == nil {
		c.mustInvite(o.code)
	}
	return o
}

// mustInvite holds an error against those that a produce may meet here.
func (c *client) mustInvite(code int16) {
	if code != 0 && !tolerable(code) {
		c.world.violate(Retriable, "a produce was answered with %v", kerr.ErrorForCode(code))
	}
}

// told waits for the answer to a sending.
func (c *client) told(p *sending) outcome {
	answer, err := c.await(p.q, patience)
	if err != nil {
		delete(c.leaders, p.at)
		return outcome{noted: err}
	}
	part := answer.(*kmsg.ProduceResponse).Topics[0].Partitions[0]
	if part.ErrorCode != 0 {
		delete(c.leaders, p.at)
	}
	return outcome{base: part.BaseOffset, code: part.ErrorCode}
}

// tolerable are the errors that a produce may meet here: those that invite another try, those of
// idempotent producers, and that of a topic that was deleted.
func tolerable(code int16) bool {
	switch code {
	case kerr.OutOfOrderSequenceNumber.Code, kerr.UnknownProducerID.Code, kerr.InvalidProducerEpoch.Code:
		return true
	}
	return retriable(code)
}

// acked notes that a sending was acknowledged.
func (w *World) acked(p *sending, base int64) {
	for i, id := range p.records {
		w.settled(id, history.Acked, base+int64(i))
	}
}

// plainProducer sends and does not try again: what it is not told about may be there or not.
func plainProducer(c *client) {
	w := c.world
	for !w.load.quiet {
		p := c.pack(w.aPartition(), false)
		acks := int16(w.pick(3) - 1)
		if c.shipWith(p, acks) && acks != 0 {
			if o := c.outcome(p); o.code == 0 && o.noted == nil {
				w.acked(p, o.base)
			}
		}
		c.rest(c.world.think())
	}
}

// idempotentProducer keeps several batches under way and sends what failed again, in order, until
// all of it is acknowledged.
func idempotentProducer(c *client) {
	w := c.world
	for !w.load.quiet {
		id, ok := c.producerID()
		if !ok {
			c.rest(c.world.think())
			continue
		}
		next := map[partition]int32{}
		for alive := true; alive && !w.load.quiet; {
			at := w.aPartition()
			var window []*sending
			for range 1 + w.pick(4) {
				p := c.pack(at, true)
				p.batch.SetProducer(id, 0, next[at])
				next[at] += int32(len(p.records))
				window = append(window, p)
			}
			alive = c.deliver(window)
			c.rest(c.world.think())
		}
	}
}

// deliver sends a window, and again what of it was not acknowledged, until all of it is; false if
// the end came first. What comes before the window was acknowledged, so its first batch follows in
// sequence at whoever leads: to be told otherwise means that something acknowledged is gone.
func (c *client) deliver(window []*sending) bool {
	for tries := 0; len(window) > 0; tries++ {
		if c.world.load.quiet && tries > 20 {
			return false
		}
		for _, p := range window {
			if p.q = nil; !c.ship(p) {
				break
			}
		}
		for len(window) > 0 && window[0].q != nil {
			o := c.outcome(window[0])
			if o.noted == nil && o.code != 0 && !retriable(o.code) {
				c.world.violate(Kept, "%s was told %v for a batch that follows what was acknowledged", c.name, kerr.ErrorForCode(o.code))
			}
			if o.noted != nil || o.code != 0 {
				break
			}
			c.world.acked(window[0], o.base)
			window = window[1:]
		}
		if len(window) == 0 {
			return true
		}
		for _, p := range window[1:] {
			if p.q != nil {
				c.await(p.q, patience) // the others of the round are answered before they are sent again
			}
		}
		if c.world.chance(8) && !c.world.load.quiet {
			c.rest(45 * time.Second) // a client that was away for a while
		}
		c.rest(200 * time.Millisecond)
	}
	return true
}

// producerID asks for a producer id.
func (c *client) producerID() (int64, bool) {
	r := kmsg.NewPtrInitProducerIDRequest()
	r.Version = c.world.version(0, 5)
	answer, err := c.ask(c.anyone(), r)
	if err != nil {
		return 0, false
	}
	a := answer.(*kmsg.InitProducerIDResponse)
	return a.ProducerID, a.ErrorCode == 0
}
