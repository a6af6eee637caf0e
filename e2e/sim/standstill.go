package sim

import (
	"fmt"
	"time"

	"github.com/troupe-mq/troupe/raft/metadata"
)

// pause stops a process, as SIGSTOP does, and lets it go on.
func pause(n metadata.NodeID, d time.Duration) Fault {
	var stopped *process
	return Fault{What: fmt.Sprintf("n%d stands still", n), For: d,
		begin: func(w *World) {
			if stopped = w.machines[n].process; stopped != nil {
				stopped.paused = true
				w.watchAll(n)
			}
		},
		end: func(w *World) { w.goOn(stopped) },
	}
}

// goOn has a stopped process do what should have happened meanwhile.
func (w *World) goOn(p *process) {
	if p == nil || !p.paused {
		return
	}
	p.paused = false
	for _, e := range p.delayed {
		e.at = w.now
		w.agenda.add(e)
	}
	p.delayed = nil
	if p.alive {
		w.watchAll(p.machine.id)
	}
}

func (w *World) watchAll(n metadata.NodeID) {
	for _, other := range w.order {
		if other != n {
			w.watchLink(n, other)
			w.watchLink(other, n)
		}
	}
}

// shutdown stops a node in order, as SIGTERM does: it hands its leaderships over first.
func shutdown(n metadata.NodeID, d time.Duration) Fault {
	return Fault{What: fmt.Sprintf("n%d is shut down", n), For: d,
		begin: func(w *World) { w.shutDown(w.machines[n]) },
		end:   func(w *World) { w.start(w.machines[n]) },
	}
}

func (w *World) shutDown(m *machine) {
	p := m.process
	if p == nil || p.node == nil || p.paused {
		return
	}
	w.within(p, func() {
		(runtime{p}).Go(func() {
			ctx, cancel := (runtime{p}).Timeout(background, 5*time.Second)
			defer cancel()
			p.node.Drain(ctx)
			w.after(0, func() {
				if p.alive {
					w.crash(m, keepsSome, "it was shut down")
					if w.healed {
						w.after(time.Second, func() { w.start(m) })
					}
				}
			})
		})
	})
}
