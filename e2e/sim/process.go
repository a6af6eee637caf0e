package sim

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/node"
	"github.com/troupe-mq/troupe/actors/server"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// process is one life of a node, or what stands for the clients' machines: tasks, actors, and what
// they wait for.
type process struct {
	world   *World
	machine *machine // nil for the clients'
	alive   bool

	tasks   []*task
	ready   []*task // to go on in this event
	running *task
	turns   []*mailbox // actors with messages, to turn in this event
	pending []asked    // requests that are not answered

	node    *node.Node
	image   *metadata.Image // as of the last look
	links   *links
	journal *journaling
	handler server.Handler // what answers clients
	open    bool           // clients are let in
	mail    map[string]*mailbox
	paused  bool    // stopped by a signal: nothing of it happens until it goes on
	delayed []event // what should have happened meanwhile
}

// asked is a request that a process has to answer.
type asked struct {
	pending *server.Pending
	what    kmsg.Request
	since   instant
	answer  func(*server.Pending)
}

func newProcess(w *World, m *machine) *process {
	return &process{world: w, machine: m, alive: true, mail: make(map[string]*mailbox)}
}

// name is what the story calls it.
func (p *process) name() string {
	if p.machine == nil {
		return "clients"
	}
	return p.machine.name()
}

// after has f done in this process once d has passed.
func (p *process) after(d time.Duration, f func()) {
	p.world.agenda.add(event{at: p.world.now.plus(d), on: p, do: f})
}

// wake has a task go on in this event.
func (p *process) wake(t *task) {
	t.parked = false
	p.ready = append(p.ready, t)
}

// settle lets everything run that can: tasks that go on, actors with messages, tasks whose news
// have come, answers that are there.
func (p *process) settle() {
	for p.alive {
		switch {
		case len(p.ready) > 0:
			t := p.ready[0]
			p.ready = p.ready[1:]
			t.run()
		case len(p.turns) > 0:
			m := p.turns[0]
			p.turns = p.turns[1:]
			m.turn()
		case !p.poll():
			return
		}
	}
}

// poll looks who can go on; false if nobody can.
func (p *process) poll() bool {
	any := false
	kept := p.tasks[:0]
	for _, t := range p.tasks {
		if t.ended {
			continue
		}
		kept = append(kept, t)
		if t.parked && t.poll() {
			p.wake(t)
			any = true
		}
	}
	clear(p.tasks[len(kept):])
	p.tasks = kept
	return p.answer() || any
}

// answer hands out the answers that are there.
func (p *process) answer() bool {
	any := false
	kept := p.pending[:0]
	for _, a := range p.pending {
		select {
		case <-a.pending.Ready():
			a.answer(a.pending)
			any = true
		default:
			kept = append(kept, a)
		}
	}
	clear(p.pending[len(kept):])
	p.pending = kept
	return any
}

// end kills the process: its tasks unwind, and nothing that it had in mind is done.
func (p *process) end() {
	p.alive = false
	for _, t := range p.tasks {
		if !t.ended && t != p.running {
			t.kill()
		}
	}
	p.tasks, p.ready, p.turns, p.pending, p.mail, p.delayed = nil, nil, nil, nil, nil, nil
}
