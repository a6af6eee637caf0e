//go:build linux

package chaos

import "fmt"

// effect begins, changes or ends a fault. Faults that overlap must not undo each other: a node is
// started when the last that holds it down is over.
func (r *Run) effect(f *Fault, w what) {
	r.t.Helper()
	switch f.Kind {
	case "kill":
		r.kill(f, w)
	case "pause":
		r.pause(f, w)
	case "slow-disk", "stuck-disk":
		r.disk(f, w)
	case "full-disk":
		r.fill(f, w)
	case "power":
		r.powerLoss(f, w)
	default:
		r.net(f, w)
	}
}

func (r *Run) kill(f *Fault, w what) {
	r.t.Helper()
	for _, n := range f.Nodes {
		if w == end {
			r.start(n)
			continue
		}
		r.thaw(n) // a process that waits for its disk cannot be killed
		if r.held[n]++; r.held[n] == 1 {
			r.node(n).Kill()
		}
	}
}

// start lets go of a node, and starts it if nobody else holds it down.
func (r *Run) start(n int) {
	r.t.Helper()
	if r.held[n]--; r.held[n] == 0 {
		r.node(n).Start()
	}
}

// pause stops processes where they stand. Who is held down has none; who was killed and started
// meanwhile has one that never was stopped.
func (r *Run) pause(f *Fault, w what) {
	r.t.Helper()
	for _, n := range f.Nodes {
		switch {
		case r.held[n] > 0:
		case w == begin:
			r.node(n).Pause()
		default:
			r.node(n).Resume()
		}
	}
}

// disk freezes at the start and at every other change.
func (r *Run) disk(f *Fault, w what) {
	r.t.Helper()
	f.on = w == begin || w == change && !f.on
	for _, n := range f.Nodes {
		switch {
		case !f.on:
			r.thaw(n)
		case r.held[n] == 0:
			r.must(fmt.Sprintf("freeze the disk of node %d", n), r.lab.Host(n).Disk.Freeze())
		}
	}
}

// leastFree is what nodes are told to keep free of their disks, and spared what no fault takes.
const (
	leastFree = 1 << 30
	spared    = 128 << 20
)

// fill leaves something between what a node wants to keep and hardly anything. A disk without power
// is emptied when it is back.
func (r *Run) fill(f *Fault, w what) {
	r.t.Helper()
	for _, n := range f.Nodes {
		if w == begin {
			r.full[n]++
		} else {
			r.full[n]--
		}
		if r.dark[n] > 0 {
			continue
		}
		r.thaw(n) // or this waits for the disk as well
		if disk := r.lab.Host(n).Disk; w == begin {
			r.must(fmt.Sprintf("fill the disk of node %d", n), disk.Fill(spared+int64(f.Strength*(leastFree-spared))))
		} else if r.full[n] == 0 {
			r.must(fmt.Sprintf("give back space of node %d", n), disk.Empty())
		}
	}
}

func (r *Run) thaw(n int) {
	r.t.Helper()
	r.must(fmt.Sprintf("thaw the disk of node %d", n), r.lab.Host(n).Disk.Thaw())
}

// net changes what one fault does to the network.
func (r *Run) net(f *Fault, w what) {
	f.on = w == begin || w == change && !f.on
	if f.on {
		r.links[f] = f.links(r.nodes())
	} else {
		delete(r.links, f)
	}
	r.lab.Network.Apply(r.network())
}
