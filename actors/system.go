// Package actors is the actor system of a node: named actors that get everything that arrived as
// one batch a turn, and a process that ends when one of them panics.
package actors

import (
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/asynkron/protoactor-go/actor"
)

// Actor is what a mailbox turns. Its methods are never called concurrently.
type Actor interface {
	// Turn gets all messages that arrived since the last turn, in the order of each sender. The slice
	// is reused after it returns.
	Turn(messages []any)
	// Stopped is called once, after the last turn.
	Stopped()
}

// Options are what a system is made with.
type Options struct {
	Logger *slog.Logger
	// Fatal is called when an actor panics: its state is half changed, so nothing it would still say
	// could be trusted, and starting it anew would forget what it promised. Where it returns, the
	// actor is called no more, not by Stopped either, and what it is asked is Unanswered.
	Fatal func(actor string, cause any, stack []byte)
}

// System runs actors. All methods are safe for any goroutine.
type System struct {
	options Options
	system  *actor.ActorSystem
	// of all actors: one that panicked is stopped, never started anew
	guardian actor.SupervisorStrategy
	turns    *dispatcher
}

// NewSystem makes a system with no actors.
func NewSystem(o Options) *System {
	logger := o.Logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return &System{
		options:  o,
		system:   actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return logger })),
		guardian: actor.NewOneForOneStrategy(0, 0, func(any) actor.Directive { return actor.StopDirective }),
		turns:    newDispatcher(),
	}
}

// Protoactor returns the system underneath, for the remotes that connect it to others.
func (s *System) Protoactor() *actor.ActorSystem { return s.system }

// Host runs actors: a System, or the simulator.
type Host interface {
	// Spawn starts an actor. A name can be used again once its actor has stopped.
	Spawn(name string, a Actor) (Address, error)
}

// Address is where messages to an actor are sent.
type Address interface {
	// Send queues a message. It never blocks. A message that is Asking, and comes to an actor that has
	// stopped, is told that it is not answered; all others vanish then.
	Send(message any)
	// Stop lets the actor finish what is queued, stops it, and then calls done on a goroutine of its
	// own.
	Stop(done func())
}

// address is the Address of an actor of a System.
type address struct {
	system *System
	pid    *actor.PID
	box    *mailbox      // of pid
	done   chan struct{} // closed after Stopped
}

var _ Host = (*System)(nil)

// Spawn implements Host.
func (s *System) Spawn(name string, a Actor) (Address, error) {
	address := &address{system: s, box: &mailbox{}, done: make(chan struct{})}
	props := actor.PropsFromProducer(
		func() actor.Actor {
			return &shell{system: s, name: name, actor: a, box: address.box, done: address.done}
		},
		actor.WithMailbox(func() actor.Mailbox { return address.box }),
		actor.WithDispatcher(s.turns),
		actor.WithGuardian(s.guardian),
	)
	pid, err := s.system.Root.SpawnNamed(props, name)
	if err != nil {
		return nil, fmt.Errorf("spawn actor %s: %w", name, err)
	}
	address.pid = pid
	return address, nil
}

// Send implements Address. It goes straight to the mailbox: by its PID protoactor would drop what
// comes to an actor that is stopping.
func (a *address) Send(message any) { a.box.PostUserMessage(message) }

// Stop implements Address.
func (a *address) Stop(done func()) {
	a.system.system.Root.Poison(a.pid)
	go func() {
		<-a.done
		done()
	}()
}

// Shutdown ends the system. Stop the actors before.
func (s *System) Shutdown() {
	s.system.Shutdown()
	s.turns.close()
}

// shell is the protoactor actor around an Actor.
type shell struct {
	system *System
	name   string
	actor  Actor
	box    *mailbox
	done   chan struct{}
	broken bool // it has panicked
	// Stopped is under way. If it panics protoactor, which is stopping the actor, says no more of it.
	stopping bool
}

// ended tells those who wait for the end of the actor, or for an answer of it.
func (s *shell) ended() {
	s.box.end()
	close(s.done)
}

// Receive implements protoactor's actor.
func (s *shell) Receive(c actor.Context) {
	defer s.fatal()
	switch m := c.Message().(type) {
	case *batch:
		s.actor.Turn(m.messages)
	case *actor.Stopping:
		if !s.broken {
			s.stopping = true
			s.actor.Stopped()
			s.stopping = false
		}
	case *actor.Stopped:
		s.ended()
	case actor.SystemMessage, actor.AutoReceiveMessage:
	default: // came in an envelope, alone
		s.actor.Turn([]any{m})
	}
}

// fatal reports a panic, and has protoactor stop the actor.
func (s *shell) fatal() {
	if cause := recover(); cause != nil {
		s.broken = true
		stack := debug.Stack()
		s.system.options.Fatal(s.name, cause, stack)
		if s.stopping {
			s.ended()
		}
		panic(cause)
	}
}
