package sim

import "github.com/twmb/franz-go/pkg/kerr"

// producersEach is how many producers of its own a client of many has.
const producersEach = 60

// lastSent is a producer's last batch in a partition.
type lastSent struct {
	sending *sending
	base    int64
	next    int32 // sequence number
}

// manyProducers has many idempotent producers, each of which is silent for long. They send their
// last batch again now and then, as whoever did not get the answer does, and are told where it is.
func manyProducers(c *client) {
	w := c.world
	sent := map[int64]map[partition]*lastSent{}
	var ids []int64
	for !w.load.quiet {
		if len(ids) < producersEach {
			if id, ok := c.producerID(); ok {
				ids, sent[id] = append(ids, id), map[partition]*lastSent{}
			}
		}
		if len(ids) == 0 {
			c.rest(w.think())
			continue
		}
		id, at := ids[w.pick(len(ids))], w.aMain()
		last := sent[id][at]
		switch {
		case last == nil:
			sent[id][at] = &lastSent{}
			c.sendNext(id, sent[id][at], at)
		case w.chance(2) && last.sending != nil:
			c.sendAgain(last)
		default:
			c.sendNext(id, last, at)
		}
		c.rest(w.think() / 4)
	}
}

// sendNext sends the next batch of a producer until it is acknowledged.
func (c *client) sendNext(id int64, last *lastSent, at partition) {
	p := c.pack(at, true)
	p.batch.SetProducer(id, 0, last.next)
	last.next += int32(len(p.records))
	last.sending = nil
	if c.deliver([]*sending{p}) {
		last.sending, last.base = p, c.world.load.history.Sends[p.records[0]].Offset
	}
}

// sendAgain sends a batch that was acknowledged once more.
func (c *client) sendAgain(last *lastSent) {
	p := last.sending
	if !c.ship(p) {
		return
	}
	o := c.outcome(p)
	switch {
	case o.noted != nil || o.code != 0 && retriable(o.code):
	case o.code != 0:
		c.world.violate(Kept, "%s repeats a batch of %s-%d that is at offset %d, and is told %v", c.name, p.at.topic, p.at.number, last.base, kerr.ErrorForCode(o.code))
	case o.base != last.base:
		c.world.violate(Kept, "%s repeats a batch of %s-%d that is at offset %d, and is told offset %d", c.name, p.at.topic, p.at.number, last.base, o.base)
	}
}
