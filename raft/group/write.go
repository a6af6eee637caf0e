package group

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/protocol"
)

// Record is a record for __consumer_offsets; a nil value deletes the key.
type Record struct{ Key, Value []byte }

func (r Record) bytes() int { return len(r.Key) + len(r.Value) + recordBytes }

// recordBytes is what a record takes in a batch beside key and value, at most.
const recordBytes = 32

// Write are records of one group, at most Config.MaxWriteBytes, to be appended together. They are
// applied already.
type Write struct {
	Records []Record
	group   string
	waiting []held
}

// Bytes is about how large the records are in a batch.
func (w *Write) Bytes() (n int) {
	for _, r := range w.Records {
		n += r.bytes()
	}
	return n
}

// held is what is done once a write is committed, or is known to fail.
type held struct {
	done   func(now int64)
	refuse func(*kerr.Error)
}

// TakeWrites returns the records to be appended since the last call.
func (c *Coordinator) TakeWrites() []*Write {
	w := c.writes[c.taken:]
	c.taken = len(c.writes)
	return w
}

// Committed tells that the first n of the writes that were taken and not committed are committed
// now.
func (c *Coordinator) Committed(now int64, n int) {
	if n > c.taken {
		panic("group: more writes are committed than were taken")
	}
	done := c.writes[:n]
	c.writes, c.taken = slices.Clone(c.writes[n:]), c.taken-n
	for _, w := range done {
		if c.open[w.group] == w {
			delete(c.open, w.group)
		}
		c.touch(w.group)
		for _, h := range w.waiting {
			h.done(now)
		}
	}
}

// ReadOnly has requests that need a write refused before they change anything, as the log takes
// none now.
func (c *Coordinator) ReadOnly(on bool) { c.readOnly = on }

// Abandon answers everybody who waits: the coordinator moves, or a write failed. It must not be
// used any more.
func (c *Coordinator) Abandon(cause *kerr.Error) {
	c.gone = true
	writes := c.writes
	c.writes, c.taken, c.open = nil, 0, nil
	for _, w := range writes {
		for _, h := range w.waiting {
			h.refuse(cause)
		}
	}
	for _, id := range c.groupsWhere(func(*group) bool { return true }) {
		for _, m := range c.groups[id].inOrder() {
			m.refuse(cause)
		}
	}
	c.charge(-c.bytes)
}

// Translate makes of a failed append what a client is told, as Kafka's coordinator does.
func Translate(err *protocol.Error) *kerr.Error {
	switch err.Kafka {
	case kerr.NotLeaderForPartition, kerr.KafkaStorageError, kerr.FencedLeaderEpoch, kerr.NotCoordinator:
		return kerr.NotCoordinator
	case kerr.MessageTooLarge, kerr.RecordListTooLarge:
		return kerr.UnknownServerError
	}
	return kerr.CoordinatorNotAvailable
}

// write applies records of a group and gives them to the owner to append. If it returns an error
// nothing has changed.
func (c *Coordinator) write(id string, records []Record) *kerr.Error {
	if c.readOnly {
		return kerr.CoordinatorNotAvailable
	}
	w := &Write{Records: records, group: id}
	if w.Bytes() > c.config.MaxWriteBytes {
		return kerr.RecordListTooLarge
	}
	changes := make([]change, len(records))
	for i, r := range records {
		read, err := r.readBack(id)
		if err != nil {
			return kerr.UnknownServerError
		}
		changes[i] = read
	}
	for _, change := range changes {
		c.apply(change)
	}
	c.writes, c.open[id] = append(c.writes, w), w
	return nil
}

// writeAll is write for any number of records, none of which needs the others.
func (c *Coordinator) writeAll(id string, records []Record) *kerr.Error {
	for len(records) > 0 {
		n, bytes := 1, records[0].bytes()
		for n < len(records) && bytes+records[n].bytes() <= c.config.MaxWriteBytes/2 {
			bytes += records[n].bytes()
			n++
		}
		if err := c.write(id, records[:n]); err != nil {
			return err
		}
		records = records[n:]
	}
	return nil
}

// When calls done with nil once everything is committed that was decided about a group until now,
// or with the error that its client is to be told. At once if nothing is open.
func (c *Coordinator) When(id string, done func(*kerr.Error)) { c.when(c.open[id], done) }

// WhenAll is When for all groups.
func (c *Coordinator) WhenAll(done func(*kerr.Error)) {
	if len(c.writes) == 0 {
		c.when(nil, done)
		return
	}
	c.when(c.writes[len(c.writes)-1], done)
}

func (c *Coordinator) when(w *Write, done func(*kerr.Error)) {
	if w == nil {
		done(nil)
		return
	}
	w.waiting = append(w.waiting, held{func(int64) { done(nil) }, done})
}

// held begins a request about a group. It returns a reply that leaves once all is committed that it
// rests on; refusal makes the answer if it never is.
func (c *Coordinator) held(id string, reply Reply, refusal func(*kerr.Error) kmsg.Response) Reply {
	c.touch(id)
	return func(r kmsg.Response) {
		c.When(id, func(err *kerr.Error) {
			if err != nil {
				r = refusal(err)
			}
			reply(r)
		})
	}
}

// answered begins a member's session anew: when its answer leaves, if that is held.
func (c *Coordinator) answered(g *group, m *member, now int64) {
	m.heard(now)
	if w := c.open[g.id]; w != nil {
		m.unanswered++
		w.waiting = append(w.waiting, held{
			func(now int64) { m.unanswered--; m.heard(now) },
			func(*kerr.Error) {},
		})
	}
}
