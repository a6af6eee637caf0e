package coordinator

import (
	"slices"
	"time"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/coordination"
)

// coordinator is the actor around a core: it loads one when its partition is led here, appends what
// it writes, and wakes it when it is time. After a failed write it loads another.
type coordinator[C coordination.Core] struct {
	host    *Host[C]
	kind    Kind[C]
	options Options
	ref     *replica.Ref
	name    string
	send    func(any)
	unwatch func()

	state  state
	epoch  int32         // of the leadership that core is of, or is being loaded for; -1 while idle
	core   C             // while serving
	life   *life         // of core, or of what is being loaded: news of another one is void
	failed time.Time     // when a write or load failed last
	queued []*request[C] // that came while loading
	unsure []*request[C] // that wait until the other replicas have said that this one leads

	timer   actors.Timer
	timerAt int64
	looked  time.Time // at the clock
}

// state is what a coordinator does.
type state uint8

const (
	idle    state = iota // this node does not lead the partition
	loading              // from the wait for the log's end on
	serving              // there is a core
)

// life is the identity of one core from the beginning of its load to its end. What was asked for in
// one life may be answered in another, or to the next actor of the same name.
type life struct{ _ byte }

// viewed tells that the replica published a view; woken that a deadline has come.
type (
	viewedMessage struct{}
	wokenMessage  struct{}
	// settled tells that everything in the log is committed, so that it can be loaded, or why that is
	// not known.
	settled struct {
		life *life
		err  *protocol.Error
	}
	// resumed ends the pause after a failed write.
	resumed struct{ life *life }
	// loaded brings what a load made.
	loaded[C coordination.Core] struct {
		life    *life
		core    C
		began   time.Time
		damaged damaged
		err     error
	}
	// confirmed brings what the other replicas said of the leadership that a request waits for.
	confirmed[C coordination.Core] struct {
		request *request[C]
		err     *protocol.Error
	}
	// appended brings what became of so many writes.
	appended struct {
		life   *life
		writes int
		err    *protocol.Error
	}
)

var (
	viewed = &viewedMessage{}
	woken  = &wokenMessage{}
)

func (c *coordinator[C]) now() int64 { return c.options.Runtime.Now().UnixMilli() }

// follow has all that is due keep its distance when somebody has set the clock since the last look:
// offsets carry the time on the wall, but a session lasts as long as it lasts.
func (c *coordinator[C]) follow() {
	now := c.options.Runtime.Now()
	// what lies between two readings is measured by the clock that nobody sets
	set := now.UnixMilli() - c.looked.Add(now.Sub(c.looked)).UnixMilli()
	c.looked = now
	if set > -setBy && set < setBy {
		return
	}
	c.core.Shift(set)
}

// setBy is from how many ms on the two clocks of a machine have not just been read one after the
// other.
const setBy = 10

// Turn implements actors.Actor.
func (c *coordinator[C]) Turn(messages []any) {
	if c.state == serving {
		c.follow()
		c.core.ReadOnly(c.options.Room != nil && !c.options.Room())
	}
	for _, m := range messages {
		switch m := m.(type) {
		case *viewedMessage:
			c.look()
		case *request[C]:
			c.request(m)
		case *settled:
			c.settled(m)
		case *resumed:
			c.resumed(m)
		case *loaded[C]:
			c.loaded(m)
		case *confirmed[C]:
			c.confirmed(m)
		case *appended:
			c.appended(m)
		case *wokenMessage:
			c.timerAt = 0
		}
	}
	if c.state != serving {
		return
	}
	c.follow()
	c.core.Expire(c.now())
	c.append()
	c.wake()
}

// Stopped implements actors.Actor.
func (c *coordinator[C]) Stopped() {
	c.unwatch()
	c.abandon(errNotCoordinator)
	if c.timer != nil {
		c.timer.Stop()
	}
}

// maxQueued is how many requests wait for a load; the others are told to try again.
const maxQueued = 10_000

func (c *coordinator[C]) request(m *request[C]) {
	if c.state == idle {
		c.look()
	}
	switch {
	case c.state == serving:
		c.run(m)
	case c.state == loading && len(c.queued) < maxQueued:
		c.queued = append(c.queued, m)
	case c.state == loading:
		m.refuse(errLoading)
	default:
		m.refuse(errNotCoordinator)
	}
}

// run runs a request; one that wants to be sure, after the other replicas have said that this one
// leads.
func (c *coordinator[C]) run(m *request[C]) {
	if !m.sure {
		m.run(c.now(), c.core)
		return
	}
	c.unsure = append(c.unsure, m)
	c.ref.Send(&replica.Confirm{Epoch: c.epoch, Done: func(err *protocol.Error) { c.send(&confirmed[C]{m, err}) }})
}

// confirmed runs a request after the replica is sure to have led: the core knows all that was
// acknowledged before the request came. Of a core that was abandoned nobody waits.
func (c *coordinator[C]) confirmed(m *confirmed[C]) {
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
func (c *coordinator[C]) dequeue(refused *protocol.Error) {
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

// wake sets the timer for the core's next deadline.
func (c *coordinator[C]) wake() {
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
