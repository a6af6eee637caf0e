package coordinator

import (
	"fmt"
	"time"

	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/protocol/batch"
	"github.com/troupe-mq/troupe/raft/coordination"
)

// reloadPause is how soon after a failed write or load a partition is loaded anew: what failed
// is likely to fail again.
const reloadPause = time.Second

// look begins to load when this node has begun to lead, and drops everything when it does not lead
// any more.
func (c *coordinator[C]) look() {
	v := c.ref.View()
	leads := v.Role == replica.Leader
	if leads && v.Epoch == c.epoch && c.state != idle {
		return
	}
	c.abandon(errNotCoordinator)
	if !leads {
		return
	}
	c.epoch, c.state = v.Epoch, loading
	life := c.life
	if pause := reloadPause - c.options.Runtime.Now().Sub(c.failed); !c.failed.IsZero() && pause > 0 {
		c.options.Runtime.After(pause, func() { c.send(&resumed{life}) })
		return
	}
	c.settle()
}

// resumed goes on after the pause.
func (c *coordinator[C]) resumed(m *resumed) {
	if m.life == c.life && c.state == loading {
		c.settle()
	}
}

// settle waits until what is in the log is committed: the coordinator before this one, on this node
// or another, may have appended what is not yet.
func (c *coordinator[C]) settle() {
	life := c.life
	c.ref.Send(&replica.Barrier{Epoch: c.epoch, Done: func(err *protocol.Error) { c.send(&settled{life, err}) }})
}

func (c *coordinator[C]) settled(m *settled) {
	if m.life != c.life || c.state != loading {
		return
	}
	if m.err != nil {
		c.abandon(errNotCoordinator) // the next view, or request, tries again
		return
	}
	v, core := c.ref.View(), c.kind.New(c.host.budget)
	c.options.Runtime.Go(func() {
		l := &loaded[C]{life: m.life, core: core, began: c.options.Runtime.Now()}
		l.err = load(l.core, v, v.LogStart, v.HighWatermark, &l.damaged)
		l.core.Loaded(l.began.UnixMilli())
		c.send(l)
	})
}

// damaged are records that could not be read.
type damaged struct {
	records int64
	first   error
}

// log is what a core is loaded from: the committed records of a partition.
type log interface {
	Read(offset int64, limits replica.FetchLimits) ([]replica.Chunk, error)
}

// load replays the committed records of a partition up to its high watermark. What cannot be read
// to there is an error: a core that was loaded in part would have lost what was acknowledged.
func load(core coordination.Core, from log, start, end int64, d *damaged) error {
	for offset := start; offset < end; {
		chunks, err := from.Read(offset, replica.FetchLimits{MaxBytes: loadBytes, MinOne: true, Upto: end})
		if err != nil {
			return err
		}
		before := offset
		for _, chunk := range chunks {
			for rest := []byte(chunk); len(rest) > 0; {
				b, after, ok := batch.Next(rest)
				if !ok {
					break
				}
				if err := replay(core, b, d); err != nil {
					return err
				}
				offset, rest = b.NextOffset(), after
			}
		}
		if offset <= before {
			return fmt.Errorf("nothing can be read at offset %d, the committed records end at %d", offset, end)
		}
	}
	return nil
}

// loadBytes is how much is read at once.
const loadBytes = 1 << 20

func replay(core coordination.Core, b batch.Batch, d *damaged) error {
	records, err := b.Records()
	if err != nil {
		return err
	}
	by := producerOf(b)
	for _, r := range records {
		if err := core.Replay(by, coordination.Record{Key: r.Key, Value: r.Value}); err != nil {
			d.records++
			if d.first == nil {
				d.first = err
			}
		}
	}
	return nil
}

func (c *coordinator[C]) loaded(m *loaded[C]) {
	if m.life != c.life {
		m.Unanswered()
		return
	}
	if m.err != nil {
		c.options.Logger.Error("a coordinator could not load its partition; clients are told to try again", "kind", c.kind.Name, "actor", c.name, "error", m.err)
		m.core.Abandon(errLoading.Kafka)
		c.abandon(errLoading) // the next request tries again, after a pause
		c.failed = c.options.Runtime.Now()
		return
	}
	if n := m.damaged.records; n > 0 {
		c.host.damaged.Add(n)
		c.options.Logger.Error("a coordinator left out records that cannot be read", "kind", c.kind.Name,
			"actor", c.name, "records", n, "first_error", m.damaged.first)
	}
	c.state, c.core, c.looked = serving, m.core, m.began
	c.dequeue(nil)
}

// Unanswered implements actors.Asking: the coordinator has stopped while its core was loaded,
// which gives its memory back.
func (l *loaded[C]) Unanswered() { l.core.Abandon(errNotCoordinator.Kafka) }

// abandon answers everybody who waits with an error, and lets go of the core: whoever coordinates
// next loads another.
func (c *coordinator[C]) abandon(cause *protocol.Error) {
	was, core := c.state, c.core
	var none C
	c.state, c.epoch, c.core, c.life = idle, -1, none, new(life)
	c.dequeue(cause)
	for _, m := range c.unsure {
		m.refuse(errNotCoordinator)
	}
	c.unsure = nil
	if was == serving {
		core.Abandon(coordination.Translate(cause))
	}
}
