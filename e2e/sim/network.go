package sim

import (
	"time"

	"github.com/troupe-mq/troupe/raft/metadata"
)

// way is one direction between two machines.
type way struct{ from, to metadata.NodeID }

// noise is how a network misbehaves while it is on: chances in a thousand, and the longest extra
// delay.
type noise struct {
	loss, repeat, reorder int
	delay                 time.Duration
}

// network is what the machines are connected by.
type network struct {
	cut   map[way]int // how many faults keep a direction from carrying anything
	noise []noise     // of the faults under way
	last  map[lane]instant
}

// lane is one connection in one direction: what is sent on it arrives in order.
type lane struct {
	way
	bulk bool
}

func newNetwork() *network { return &network{cut: make(map[way]int), last: make(map[lane]instant)} }

// carries reports whether a direction works.
func (n *network) carries(from, to metadata.NodeID) bool { return n.cut[way{from, to}] == 0 }

// sever cuts a direction, or with -1 mends it.
func (w *World) sever(from, to metadata.NodeID, by int) {
	w.network.cut[way{from, to}] += by
	w.watchLink(from, to)
	w.watchLink(to, from)
}

// Times of the network.
const (
	latencyLeast = 60 * time.Microsecond
	latencyMore  = 400 * time.Microsecond
	// at most, until two machines that can reach each other are linked
	linkAfter  = 150 * time.Millisecond
	deadAfter  = 1500 * time.Millisecond // until a silent peer counts as gone
	resetAfter = 10 * time.Millisecond   // at most, until the end of a process is noticed
)

// post carries something from one process to another. It may get lost, come twice, late or out of
// turn.
func (w *World) post(from, to *process, bulk bool, deliver func()) {
	l := lane{way{from.machine.id, to.machine.id}, bulk}
	if !w.network.carries(l.from, l.to) {
		w.note(from, "lost on the way to n%d", l.to)
		return
	}
	times := 1
	delay := latencyLeast + w.upTo(latencyMore)
	inTurn := true
	for _, n := range w.network.noise {
		switch {
		case w.permille(n.loss):
			return
		case w.permille(n.repeat):
			times++
		case w.permille(n.reorder):
			inTurn = false
		}
		delay += w.upTo(n.delay)
	}
	for range times {
		at := w.now.plus(delay)
		if inTurn {
			at = max(at, w.network.last[l]+1)
			w.network.last[l] = at
		} else {
			at = at.plus(w.upTo(5 * time.Millisecond))
		}
		w.agenda.add(event{at: at, on: to, do: func() {
			if w.network.carries(l.from, l.to) && from.machine.process == from {
				deliver()
			}
		}})
	}
}

// watchLink looks, once whoever is at from could have noticed, whether its link to a machine is
// still what it takes it for.
func (w *World) watchLink(from, to metadata.NodeID) {
	p := w.machines[from].process
	if p == nil || p.links == nil {
		return
	}
	l, known := p.links.peers[to]
	if !known {
		return
	}
	reachable := w.reachable(from, to)
	after := w.upTo(linkAfter)
	switch {
	case reachable == l.up:
		return
	case !reachable && w.machines[to].process == nil:
		after = w.upTo(resetAfter)
	case !reachable:
		after = deadAfter + w.upTo(500*time.Millisecond)
	}
	p.after(after, func() {
		if w.reachable(from, to) == reachable {
			p.links.set(to, reachable)
		}
	})
}

// reachable reports whether two machines can talk: both ways, as a connection needs it.
func (w *World) reachable(a, b metadata.NodeID) bool {
	up := func(n metadata.NodeID) bool {
		p := w.machines[n].process
		return p != nil && !p.paused && p.links != nil && p.links.receiver != nil
	}
	return up(a) && up(b) && w.network.carries(a, b) && w.network.carries(b, a)
}
