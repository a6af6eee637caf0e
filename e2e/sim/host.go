package sim

import (
	"fmt"
	"time"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/node"
)

// mailbox is an actor and what was sent to it.
type mailbox struct {
	process *process
	name    string
	actor   actors.Actor
	queue   []any
	spare   []any
	due     bool // a turn is coming
	stopped bool
	stop    []func()
	seen    seen
}

// hosting is the process as the host of its actors.
type hosting struct{ p *process }

var _ node.Host = hosting{}

// Spawn implements actors.Host.
func (h hosting) Spawn(name string, a actors.Actor) (actors.Address, error) {
	if h.p.mail[name] != nil {
		return nil, fmt.Errorf("sim: there is an actor %s", name)
	}
	m := &mailbox{process: h.p, name: name, actor: a}
	h.p.mail[name] = m
	return m, nil
}

// Shutdown implements node.Host.
func (h hosting) Shutdown() {}

// Send implements actors.Address. Most turns come at once, some a little later, so that more
// arrives for them.
func (m *mailbox) Send(message any) {
	if m.stopped {
		if asking, ok := message.(actors.Asking); ok {
			m.process.after(0, asking.Unanswered)
		}
		return
	}
	m.queue = append(m.queue, message)
	m.schedule()
}

func (m *mailbox) schedule() {
	if m.due {
		return
	}
	m.due = true
	w := m.process.world
	if w.chance(8) {
		m.process.after(w.upTo(300*time.Microsecond), func() { m.process.turns = append(m.process.turns, m) })
		return
	}
	m.process.turns = append(m.process.turns, m)
}

// Stop implements actors.Address.
func (m *mailbox) Stop(done func()) {
	m.stop = append(m.stop, done)
	m.schedule()
}

// turn hands over what arrived.
func (m *mailbox) turn() {
	m.due = false
	if m.stopped {
		return
	}
	if batch := m.queue; len(batch) > 0 {
		m.queue = m.spare[:0]
		m.actor.Turn(batch)
		clear(batch)
		m.spare = batch
		m.process.world.turned(m)
	}
	if len(m.stop) == 0 {
		return
	}
	m.stopped = true
	m.actor.Stopped()
	delete(m.process.mail, m.name)
	left := m.queue
	m.queue = nil
	actors.Unanswered(left...)
	for _, done := range m.stop {
		m.process.after(0, done)
	}
}
