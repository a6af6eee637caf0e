package actors

import (
	"sync"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"
)

// batch is what a mailbox hands to its actor: all user messages that were there when its turn
// began.
type batch struct{ messages []any }

// keepQueue is the largest queue, in messages, that an idle mailbox keeps for the next burst.
const keepQueue = 256

// turnsInARow is how many turns an actor that always has something to do takes before those that
// wait for a goroutine have theirs.
const turnsInARow = 8

// mailbox is a protoactor mailbox that hands over everything queued as one message. It owns no
// goroutine while idle; system messages go first. Stopping (a PoisonPill) is delivered alone,
// behind what was queued before it.
type mailbox struct {
	mu     sync.Mutex
	user   []any
	spare  []any // the other buffer, empty, while no turn runs
	system []any

	scheduled atomic.Bool
	suspended bool   // owned by the running turn
	ended     bool   // guarded by mu: the actor has stopped, and takes nothing any more
	turns     func() // run
	invoker   actor.MessageInvoker
	dispatch  actor.Dispatcher
}

var _ actor.Mailbox = (*mailbox)(nil)

// PostUserMessage implements actor.Mailbox.
func (m *mailbox) PostUserMessage(message any) {
	m.mu.Lock()
	if m.ended {
		m.mu.Unlock()
		go Unanswered(message) // the sender may hold what its answer needs
		return
	}
	m.user = append(m.user, message)
	m.mu.Unlock()
	m.schedule()
}

// end tells all that came after the stop, and what comes later, that the actor does not answer.
func (m *mailbox) end() {
	m.mu.Lock()
	left := m.user
	m.user, m.ended = nil, true
	m.mu.Unlock()
	Unanswered(left...)
}

// PostSystemMessage implements actor.Mailbox.
func (m *mailbox) PostSystemMessage(message any) {
	m.mu.Lock()
	m.system = append(m.system, message)
	m.mu.Unlock()
	m.schedule()
}

// RegisterHandlers implements actor.Mailbox.
func (m *mailbox) RegisterHandlers(invoker actor.MessageInvoker, dispatch actor.Dispatcher) {
	m.invoker, m.dispatch, m.turns = invoker, dispatch, m.run
}

// Start implements actor.Mailbox.
func (m *mailbox) Start() {}

// UserMessageCount implements actor.Mailbox.
func (m *mailbox) UserMessageCount() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.user)
}

func (m *mailbox) schedule() {
	if m.scheduled.CompareAndSwap(false, true) {
		m.dispatch.Schedule(m.turns)
	}
}

// run turns until nothing is left, or others have a right to the goroutine. What is posted after
// the last look finds scheduled false and schedules again.
func (m *mailbox) run() {
	for range turnsInARow {
		if m.turn() {
			continue
		}
		m.scheduled.Store(false)
		if !m.waiting() || !m.scheduled.CompareAndSwap(false, true) {
			return
		}
	}
	m.dispatch.Schedule(m.turns)
}

func (m *mailbox) waiting() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.system) > 0 || len(m.user) > 0 && !m.suspended
}

// turn handles one system message or all user messages; false if there was neither.
func (m *mailbox) turn() bool {
	m.mu.Lock()
	if len(m.system) > 0 {
		message := m.system[0]
		m.system = m.system[1:]
		m.mu.Unlock()
		m.guard(message, func() { m.invokeSystem(message) })
		return true
	}
	if len(m.user) == 0 || m.suspended {
		m.mu.Unlock()
		return false
	}
	taken := m.user
	m.user, m.spare = m.spare, nil
	m.mu.Unlock()
	m.invokeUser(taken)
	m.giveBack(taken)
	return true
}

// giveBack keeps the buffer of a turn for the next one, unless a burst made it large.
func (m *mailbox) giveBack(taken []any) {
	clear(taken)
	if cap(taken) > keepQueue {
		taken = nil
	}
	m.mu.Lock()
	m.spare = taken[:0]
	m.mu.Unlock()
}

func (m *mailbox) invokeSystem(message any) {
	switch message.(type) {
	case *actor.SuspendMailbox:
		m.setSuspended(true)
	case *actor.ResumeMailbox:
		m.setSuspended(false)
	default:
		m.invoker.InvokeSystemMessage(message)
	}
}

func (m *mailbox) setSuspended(on bool) {
	m.mu.Lock()
	m.suspended = on
	m.mu.Unlock()
}

// invokeUser hands messages over, as one batch up to a message that protoactor must see itself.
func (m *mailbox) invokeUser(messages []any) {
	for len(messages) > 0 {
		n := plain(messages)
		if n > 0 {
			m.guard(nil, func() { m.invoker.InvokeUserMessage(&batch{messages[:n]}) })
			messages = messages[n:]
			continue
		}
		message := messages[0]
		m.guard(message, func() { m.invoker.InvokeUserMessage(message) })
		messages = messages[1:]
	}
}

// plain returns how many messages from the beginning are ours.
func plain(messages []any) int {
	for i, m := range messages {
		switch m.(type) {
		case *actor.PoisonPill, *actor.MessageEnvelope, actor.AutoReceiveMessage:
			return i
		}
	}
	return len(messages)
}

// guard hands a panic to the actor's supervisor.
func (m *mailbox) guard(message any, f func()) {
	defer func() {
		if r := recover(); r != nil {
			m.invoker.EscalateFailure(r, message)
		}
	}()
	f()
}
