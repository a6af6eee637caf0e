package sim

import (
	"fmt"
	"time"

	"github.com/troupe-mq/troupe/actors/remote"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage/memory"
)

// late draws a fault that strikes a disk as a whole once the trouble is over: with it, a second
// node's loss would be more than a majority can bear. Most worlds have none.
func (w *World) late() (Fault, bool) {
	n := w.victim()
	switch {
	case w.kind.restless:
		return jostle(), true
	case !w.robust():
		return Fault{}, false
	case w.chance(4):
		return rollBack(w, n), true
	case w.chance(6):
		return wipe(n), true
	}
	return Fault{}, false
}

// victim is the machine whose disk is tampered with: one in each world.
func (w *World) victim() metadata.NodeID { return w.order[int(w.options.Seed)%len(w.order)] }

// noted is how long a process, and one that hears of it, have to live for the other to have kept
// durably how far its store was (docs/adr, Nodes remember how far each other's disks were).
const noted = 3 * time.Second

// looks is how often it is looked in that time whether they still do.
const looks = 12

// witnessed calls f in such a time if the process of a machine lives on until then, and with it
// another one that it reached all the time. A node whose peers all ended before they kept anything
// has lost its disk together with those nodes' memory: more than is promised to be noticed.
func (w *World) witnessed(m *machine, long time.Duration, f func()) {
	p := m.process
	witnesses := make(map[metadata.NodeID]*process)
	for _, other := range w.up() {
		if other != m {
			witnesses[other.id] = other.process
		}
	}
	for k := range looks {
		w.after(long*time.Duration(k+1)/looks, func() {
			for id, o := range witnesses {
				if w.machines[id].process != o || !w.reachable(m.id, id) {
					delete(witnesses, id)
				}
			}
			if k == looks-1 && p != nil && m.process == p && len(witnesses) > 0 {
				f()
			}
		})
	}
}

// rollBack puts an older copy of a disk back, if the process that used it then lived for long
// enough to be remembered.
func rollBack(w *World, n metadata.NodeID) Fault {
	var copied *memory.Backup
	var of *disk
	at := w.upTo(w.options.For)
	w.after(at, func() {
		b := w.machines[n].disk.store.Backup()
		of = w.machines[n].disk
		w.witnessed(w.machines[n], noted, func() { copied = &b })
	})
	what := fmt.Sprintf("the disk of n%d is replaced by a copy of %s", n, at.Round(time.Millisecond))
	return Fault{What: what, late: true, begin: func(w *World) {
		m := w.machines[n]
		// a copy of a disk that the node gave up since: it is refused for good
		if m.gone || copied == nil || m.disk != of {
			return
		}
		w.crash(m, keepsSome, what)
		before := m.disk.store.Backup()
		m.disk.store.Roll(*copied)
		m.excused = true
		w.loses(m, before, what)
		w.readdress(m)
		w.after(w.upTo(2*time.Second), func() { w.start(m) })
		if _, err := m.disk.store.Node(); err != nil { // the copy is of before it was first used
			w.after(3*time.Second, func() { w.declareLost(m) })
		}
	}}
}

// loses notes which replicas forgot something when a disk changed.
func (w *World) loses(m *machine, before memory.Backup, why string) {
	for _, s := range before.States() {
		now, ok := m.disk.store.State(memory.Durable, s.Replica)
		if !ok || now.Term != s.Term || now.Vote != s.Vote || now.Last != s.Last {
			w.checks.forgotten[s.Replica] = why
		}
	}
}

// wipe replaces a disk by an empty one.
func wipe(n metadata.NodeID) Fault {
	what := fmt.Sprintf("the disk of n%d is replaced by an empty one", n)
	return Fault{What: what, late: true, begin: func(w *World) {
		m := w.machines[n]
		if m.gone {
			return
		}
		w.crash(m, keepsSome, what)
		m.excused = true
		w.empty(m, what)
		w.after(w.upTo(2*time.Second), func() { w.start(m) })
		w.after(3*time.Second, func() { w.declareLost(m) })
	}}
}

// declareLost has an operator say that a disk is gone for good (troupe cluster replace), if the
// node has not been let in with the new one: then it is.
func (w *World) declareLost(m *machine) {
	p := w.newest(m)
	if p == nil {
		return
	}
	lost := p.node.Image().Nodes[m.id]
	if now, err := m.disk.store.Node(); lost == nil || err == nil && now.Incarnation == lost.Incarnation {
		return // the old one was of no member any more
	}
	w.within(p, func() {
		(runtime{p}).Go(func() {
			ctx, cancel := (runtime{p}).Timeout(background, 5*time.Second)
			defer cancel()
			r, err := p.node.Submit(ctx, metadata.Command{ReplaceNode: &metadata.ReplaceNode{Node: m.id, Incarnation: lost.Incarnation}})
			w.note(p, "the disk of n%d is declared lost: %v %v", m.id, r.Err, err)
			if err != nil {
				w.after(time.Second, func() { w.declareLost(m) })
			}
		})
	})
}

// newest returns the process of another machine that serves clients and has the newest metadata,
// nil if there is none.
func (w *World) newest(than *machine) (p *process) {
	for _, other := range w.up() {
		q := other.process
		if other != than && q.node != nil && q.open && (p == nil || q.node.Image().Index > p.node.Image().Index) {
			p = q
		}
	}
	return p
}

// intruder starts a node that was given another list of peers: it must be refused, and never be of
// a cluster.
func intruder(w *World, d time.Duration) Fault {
	const id metadata.NodeID = 90
	other := w.order[w.pick(len(w.order))]
	return Fault{What: fmt.Sprintf("a node n%d starts that takes n%d for its only peer", id, other), For: d,
		begin: func(w *World) {
			if w.machines[id] != nil {
				return
			}
			m := &machine{id: id, disk: newDisk(), excused: true, intruder: true, peers: map[metadata.NodeID]remote.Address{
				id: {Control: "n90:9093", Bulk: "n90:9095"}, other: w.machines[other].peers[other],
			}}
			w.machines[id] = m
			w.start(m)
		},
		end: func(w *World) {
			if m := w.machines[id]; m != nil {
				m.gone = true
				w.crash(m, keepsNone, "it leaves")
			}
		},
	}
}
