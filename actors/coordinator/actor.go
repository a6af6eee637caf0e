package coordinator

import (
	"slices"
	"time"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/protocol/batch"
	"github.com/troupe-mq/troupe/raft/consumer"
)

// coordinator is the actor around a consumer.Coordinator: it loads it when its partition is led here, appends what it writes, and wakes it when it is time.
type coordinator struct {
	options Options
	ref     *replica.Ref
	name    string
	newID   func() string
	send    func(any)
	unwatch func()

	epoch   int32                 // of the leadership that core belongs to, or is being loaded for
	core    *consumer.Coordinator // nil while this node does not coordinate
	loading bool
	queued  []*request // that came while loading
	unsure  []*request // that wait until the other replicas have said that this one leads

	timer   actors.Timer
	timerAt int64
	expired int64     // when expired offsets were last looked for
	looked  time.Time // at the clock
}

// viewed tells that the replica published a view; woken that a deadline has come.
type (
	viewedMessage struct{}
	wokenMessage  struct{}
	// loaded brings what a load made, for the leadership it was begun in.
	loaded struct {
		epoch int32
		core  *consumer.Coordinator
		began time.Time
		err   error
	}
	// confirmed brings what the other replicas said of the leadership that a request waits for.
	confirmed struct {
		request *request
		err     *protocol.Error
	}
	// appended brings what became of a write.
	appended struct {
		core   *consumer.Coordinator
		writes []consumer.Write
		err    *protocol.Error
	}
)

var (
	viewed = &viewedMessage{}
	woken  = &wokenMessage{}
)

func (c *coordinator) now() int64 { return c.options.Runtime.Now().UnixMilli() }

// follow has all that is due keep its distance when somebody has set the clock since the last look: offsets carry the time on the wall, but a session lasts as long as it lasts.
func (c *coordinator) follow() {
	now := c.options.Runtime.Now()
	set := now.UnixMilli() - c.looked.Add(now.Sub(c.looked)).UnixMilli() // what lies between two readings is measured by the clock that nobody sets
	c.looked = now
	if set > -setBy && set < setBy {
		return
	}
	c.core.Shift(set)
	c.expired += set
}

// setBy is from how many ms on the two clocks of a machine have not just been read one after the other.
const setBy = 10

// Turn implements actors.Actor.
func (c *coordinator) Turn(messages []any) {
	if c.core != nil {
		c.follow()
	}
	for _, m := range messages {
		switch m := m.(type) {
		case *viewedMessage:
			c.look()
		case *request:
			c.request(m)
		case *loaded:
			c.loaded(m)
		case *confirmed:
			c.confirmed(m)
		case *appended:
			c.appended(m)
		case *wokenMessage:
			c.timerAt = 0
		}
	}
	if c.core == nil {
		return
	}
	c.follow()
	at := c.now()
	c.core.Expire(at)
	if every := c.options.Expire.Milliseconds(); at-c.expired >= every {
		c.expired = at
		c.core.ExpireOffsets(at)
	}
	c.append()
	c.wake()
}

// Stopped implements actors.Actor.
func (c *coordinator) Stopped() {
	c.unwatch()
	c.abandon()
}

// look begins to load when this node has begun to lead, and drops everything when it does not lead any more.
func (c *coordinator) look() {
	v := c.ref.View()
	leads := v.Role == replica.Leader
	if leads && v.Epoch == c.epoch && (c.core != nil || c.loading) {
		return
	}
	c.abandon()
	if !leads {
		return
	}
	c.epoch, c.loading = v.Epoch, true
	config := c.options.Config()
	c.options.Runtime.Go(func() {
		core := consumer.New(config, c.newID)
		began := c.options.Runtime.Now()
		err := load(core, v, began.UnixMilli())
		c.send(&loaded{v.Epoch, core, began, err})
	})
}

// load replays the committed records of a partition.
func load(core *consumer.Coordinator, v *replica.View, at int64) error {
	for offset := v.LogStart; offset < v.HighWatermark; {
		chunks, err := v.Read(offset, replica.FetchLimits{MaxBytes: loadBytes, MinOne: true, Upto: v.HighWatermark})
		if err != nil || len(chunks) == 0 {
			return err
		}
		for _, chunk := range chunks {
			for rest := []byte(chunk); len(rest) > 0; {
				b, after, ok := batch.Next(rest)
				if !ok {
					break
				}
				if err := replay(core, at, b); err != nil {
					return err
				}
				offset, rest = b.NextOffset(), after
			}
		}
	}
	return nil
}

// loadBytes is how much is read at once.
const loadBytes = 1 << 20

func replay(core *consumer.Coordinator, at int64, b batch.Batch) error {
	if b.Control() {
		return nil
	}
	records, err := b.Records()
	if err != nil {
		return err
	}
	for _, r := range records {
		if err := core.Load(at, r.Key, r.Value); err != nil {
			return err
		}
	}
	return nil
}

func (c *coordinator) loaded(m *loaded) {
	if m.epoch != c.epoch || !c.loading {
		return
	}
	c.loading = false
	if m.err != nil {
		c.options.Logger.Error("the groups of a partition could not be loaded; their clients are told to try again", "actor", c.name, "error", m.err)
		c.epoch = -1 // the next request tries again
		c.dequeue(errLoading)
		return
	}
	c.core, c.looked = m.core, m.began
	c.expired = m.began.UnixMilli()
	c.dequeue(nil)
}

// maxQueued is how many requests wait for a load; the others are told to try again.
const maxQueued = 10_000

func (c *coordinator) request(m *request) {
	if c.core == nil && !c.loading {
		c.look()
	}
	switch {
	case c.core != nil:
		c.run(m)
	case c.loading && len(c.queued) < maxQueued:
		c.queued = append(c.queued, m)
	case c.loading:
		m.refuse(errLoading)
	default:
		m.refuse(errNotCoordinator)
	}
}

// run runs a request; one that wants to be sure, after the other replicas have said that this one leads.
func (c *coordinator) run(m *request) {
	if !m.sure {
		m.run(c.now(), c.core)
		return
	}
	c.unsure = append(c.unsure, m)
	c.ref.Send(&replica.Confirm{Epoch: c.epoch, Done: func(err *protocol.Error) { c.send(&confirmed{m, err}) }})
}

// confirmed runs a request after the replica is sure to have led: the core knows all that was acknowledged before the request came. Of a core that was abandoned nobody waits.
func (c *coordinator) confirmed(m *confirmed) {
	at := slices.Index(c.unsure, m.request)
	if at < 0 {
		return
	}
	c.unsure = slices.Delete(c.unsure, at, at+1)
	if m.err != nil {
		m.request.refuse(errNotCoordinator)
		return
	}
	m.request.run(c.now(), c.core)
}

// dequeue runs or refuses what came while loading.
func (c *coordinator) dequeue(refused *protocol.Error) {
	queued := c.queued
	c.queued = nil
	for _, m := range queued {
		if refused != nil {
			m.refuse(refused)
		} else {
			c.run(m)
		}
	}
}

// abandon tells everybody who waits to look for another coordinator, and forgets the groups: the next one loads them.
func (c *coordinator) abandon() {
	c.loading = false
	c.dequeue(errNotCoordinator)
	for _, m := range c.unsure {
		m.refuse(errNotCoordinator)
	}
	c.unsure = nil
	if c.core == nil {
		return
	}
	c.core.Abandon()
	for _, w := range c.core.TakeWrites() {
		w.Done(c.now(), errNotCoordinator)
	}
	c.core = nil
}

// append sends what the turn wrote as one batch.
func (c *coordinator) append() {
	writes := c.core.TakeWrites()
	if len(writes) == 0 {
		return
	}
	core := c.core
	at := c.now()
	var records []batch.Record
	for _, w := range writes {
		for _, r := range w.Records {
			records = append(records, batch.Record{Timestamp: at, Key: r.Key, Value: r.Value})
		}
	}
	c.ref.Append(&replica.Records{Batches: batch.Build(records), Epoch: c.epoch, Done: func(a replica.Appended) {
		c.send(&appended{core, writes, a.Err})
	}})
}

// appended tells the core what became of its records, unless it is not in charge any more: then who waits was answered, or is now.
func (c *coordinator) appended(m *appended) {
	err := m.err
	if m.core != c.core {
		err = errNotCoordinator
	}
	for _, w := range m.writes {
		w.Done(c.now(), err)
	}
}

// wake sets the timer for the core's next deadline.
func (c *coordinator) wake() {
	next := c.core.Next()
	if next == 0 || next == c.timerAt {
		return
	}
	c.timerAt = next
	if c.timer != nil {
		c.timer.Stop()
	}
	c.timer = c.options.Runtime.After(time.Duration(max(next-c.now(), 1))*time.Millisecond, func() { c.send(woken) })
}
