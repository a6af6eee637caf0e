package sim

import (
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"time"

	"github.com/troupe-mq/troupe/actors/remote"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// Options are what a world is made of. The same options make the same run.
type Options struct {
	Seed  uint64
	World string // the kind of world by its name; drawn by the seed if it is empty
	Nodes int    // drawn by the seed if it is 0
	// of trouble; then everything is healed. By default 2 minutes, or 20 in a calm world
	For time.Duration
	// Operations, if there are any, come instead of all trouble: the cluster is operated so many
	// times, and has to become calm after each.
	Operations int
	Without    []int // faults and clients that are left out, by their numbers in the plan
	Story      bool  // write down what happens
}

// World is one simulated cluster with its clients.
type World struct {
	options  Options // of which nothing is left open any more
	kind     Kind
	replicas int // of topics that clients make
	random   *rand.Rand
	now      instant
	agenda   agenda
	hash     uint64
	steps    uint64
	pace     int  // how slow everything is: calm worlds live longer
	wire     bool // messages are copied in full on the way

	machines map[metadata.NodeID]*machine
	order    []metadata.NodeID // of those that are there, or were
	network  *network
	clients  *process // all clients live in one process that never dies
	checks   *checks
	load     *load
	resting  *machine // in maintenance
	operated bool     // an operator does something in this world
	healed   bool
	over     bool

	story      []string
	violations []Violation
}

func newWorld(o Options) *World {
	kind, replicas := o.shape()
	w := &World{
		pace:     1,
		options:  o,
		kind:     kind,
		replicas: replicas,
		random:   rand.New(rand.NewPCG(o.Seed, 0x74726f757065)),
		hash:     14695981039346656037,
		machines: make(map[metadata.NodeID]*machine),
		network:  newNetwork(),
		checks:   newChecks(),
	}
	if w.chance(3) {
		w.pace = 10
	}
	if w.options.For == 0 {
		w.options.For = 2 * time.Minute * time.Duration(w.pace)
	}
	w.wire = w.chance(8)
	w.clients = newProcess(w, nil)
	peers := make(map[metadata.NodeID]remote.Address)
	for id := range metadata.NodeID(o.Nodes) {
		peers[id] = remote.Address{Control: fmt.Sprintf("n%d:9093", id), Bulk: fmt.Sprintf("n%d:9095", id)}
	}
	for id := range metadata.NodeID(o.Nodes) {
		w.machines[id] = &machine{id: id, disk: newDisk(), peers: peers}
		w.order = append(w.order, id)
		w.checks.shard(metadata.MetaShard).members[metadata.MetaReplica(id)] = id
	}
	return w
}

// chance is true once in n times.
func (w *World) chance(n int) bool { return w.random.IntN(n) == 0 }

func (w *World) permille(n int) bool { return n > 0 && w.random.IntN(1000) < n }

// pick is one of n.
func (w *World) pick(n int) int { return w.random.IntN(n) }

// upTo is a duration below d.
func (w *World) upTo(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return time.Duration(w.random.Int64N(int64(d)))
}

func (w *World) syncTime(d *disk) time.Duration {
	t := 200*time.Microsecond + w.upTo(1500*time.Microsecond)
	if d.slow {
		t += w.upTo(2 * time.Second)
	}
	return t
}

// after has f done to the world once d has passed.
func (w *World) after(d time.Duration, f func()) { w.clients.after(d, f) }

// run does what is to come up to a moment.
func (w *World) run(until instant) {
	for !w.over && len(w.agenda.events) > 0 && w.agenda.events[0].at <= until {
		w.step(w.agenda.next())
	}
	if !w.over {
		w.now = until
	}
}

func (w *World) step(e event) {
	w.now = e.at
	if e.stop != nil {
		if e.stop.stopped {
			return
		}
		e.stop.done = true
	}
	switch p := e.on; {
	case !p.alive:
	case p.paused:
		p.delayed = append(p.delayed, e)
	default:
		w.steps++
		w.mix(uint64(e.at))
		w.mix(e.seq)
		w.within(p, e.do)
	}
}

// within does something in a process, and what follows from it there. A panic ends the process, as
// in production.
func (w *World) within(p *process, f func()) {
	defer func() {
		if cause := recover(); cause != nil {
			if p.machine == nil {
				panic(cause)
			}
			p.running = nil
			w.died(p, cause, debug.Stack())
		}
	}()
	f()
	p.settle()
}

// mix adds a number to the hash of the run.
func (w *World) mix(v uint64) {
	w.hash ^= v
	w.hash *= 1099511628211
	w.hash ^= w.hash >> 29
}

func (w *World) mixBytes(b []byte) {
	for len(b) >= 8 {
		w.mix(uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 | uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56)
		b = b[8:]
	}
	for _, c := range b {
		w.mix(uint64(c))
	}
}

// event notes something that happened: it is part of the hash, and of the story.
func (w *World) event(p *process, format string, a ...any) {
	if !w.options.Story {
		w.mixBytes([]byte(format))
		return
	}
	w.mixBytes([]byte(format))
	w.note(p, format, a...)
}

// note adds a line to the story.
func (w *World) note(p *process, format string, a ...any) {
	if !w.options.Story {
		return
	}
	w.story = append(w.story, fmt.Sprintf("%12s  %-7s  %s", time.Duration(w.now).Round(time.Microsecond), p.name(), fmt.Sprintf(format, a...)))
}

// up are the machines that have a process, in order.
func (w *World) up() []*machine {
	var up []*machine
	for _, id := range w.order {
		if m := w.machines[id]; m.process != nil {
			up = append(up, m)
		}
	}
	return up
}

// left reports whether a part of the plan is left out.
func (w *World) left(part int) bool { return slices.Contains(w.options.Without, part) }
