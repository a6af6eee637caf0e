package sim

import (
	"github.com/troupe-mq/troupe/raft/metadata"
)

// members are the machines that are there and are not gone.
func (w *World) members() []*machine {
	var members []*machine
	for _, id := range w.order {
		if m := w.machines[id]; !m.gone {
			members = append(members, m)
		}
	}
	return members
}

// doors are whom a machine asks to be let in: the others, those that serve clients first.
func (w *World) doors(m *machine) []string {
	var open, rest []string
	for _, other := range w.members() {
		switch {
		case other == m:
		case other.process != nil && other.process.open:
			open = append(open, other.control())
		default:
			rest = append(rest, other.control())
		}
	}
	return append(open, rest...)
}

// arrive puts a new machine beside the others.
func (w *World) arrive(m *machine) {
	if m.absent {
		m.absent = false
		w.order = append(w.order, m.id)
	}
	w.start(m)
}

// departed is called when a node says that it is no member any more.
func (w *World) departed(p *process) {
	m := p.machine
	if !p.alive {
		return
	}
	if !w.expelled(m) {
		w.violate(NoSurprise, "%s leaves the cluster, and nobody wanted it to", m.name())
		return
	}
	w.bury(m, "it was removed from the cluster")
}

// expelled reports whether a machine's disk is of no use to the cluster any more, as an operator
// wanted it.
func (w *World) expelled(m *machine) bool {
	id, err := m.disk.store.Node()
	if err != nil || !m.leaves {
		return false
	}
	for _, other := range w.up() {
		if n := other.process.node; n != nil && n.Image().IsGone(m.id, id.Incarnation) {
			return true
		}
	}
	return false
}

// bury stops a machine for good.
func (w *World) bury(m *machine, why string) {
	w.crash(m, keepsSome, why)
	m.gone = true
}

// empty gives a machine that is down an empty disk. If the founders that it knows are not all there
// any more, it is told of a member.
func (w *World) empty(m *machine, why string) {
	before := m.disk.store.Backup()
	m.disk = newDisk()
	w.loses(m, before, why)
	w.readdress(m)
}

// readdress has a machine join at a member where it would look for founders that are gone.
func (w *World) readdress(m *machine) {
	for id := range m.peers {
		m.joins = m.joins || w.machines[id].gone
	}
}

// isolate cuts a machine off from all others, and returns what connects it again.
func (w *World) isolate(n metadata.NodeID) (mend func()) {
	var others []metadata.NodeID
	for _, other := range w.order {
		if other != n {
			others = append(others, other)
		}
	}
	each := func(by int) {
		for _, other := range others {
			w.sever(n, other, by)
			w.sever(other, n, by)
		}
	}
	each(1)
	return func() {
		if !w.healed {
			each(-1)
		}
	}
}
