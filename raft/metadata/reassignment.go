package metadata

import "slices"

// Reassignment is where a partition's voters are on the way to, as Kafka's tools see it. Readers do
// not appear in it.
type Reassignment struct {
	// all that vote or shall: the targets, the preferred leader first, then those that go
	Replicas []NodeID
	Adding   []NodeID // of them: have to come yet
	Removing []NodeID // of them: go when the others have come
}

// Reassignment tells where the voters of a partition are and shall be.
func (p *Partition) Reassignment() Reassignment {
	var r Reassignment
	for _, m := range p.Replicas {
		if m.Role != Voter {
			continue
		}
		r.Replicas = append(r.Replicas, m.Node)
		if m.Pending && !m.Back && !p.replaced(m.Node) {
			r.Adding = append(r.Adding, m.Node)
		}
	}
	for _, m := range p.Leaving {
		came := !m.Pending || m.Back // else it goes before it has come: a move that was called off
		if m.Role == Voter && !m.Lost && came && !slices.Contains(r.Replicas, m.Node) {
			r.Replicas = append(r.Replicas, m.Node)
			r.Removing = append(r.Removing, m.Node)
		}
	}
	return r
}

// replaced reports whether a voter on a node gives way to another one there: its data was lost.
// That moves nothing.
func (p *Partition) replaced(n NodeID) bool {
	return slices.ContainsFunc(p.Leaving, func(r Replica) bool { return r.Node == n && r.Role == Voter })
}

// Voters is how many replicas vote, or shall: what Kafka calls the replication factor.
func (p *Partition) Voters() (n int) {
	for _, r := range p.Replicas {
		if r.Role == Voter {
			n++
		}
	}
	return n
}

// Voting returns the targets that put a partition's voters on the given nodes, the preferred leader
// first, and leave its readers where they are; a reader on one of the nodes becomes a voter.
func (p *Partition) Voting(nodes []NodeID) []Target {
	var targets []Target
	for _, n := range nodes {
		targets = append(targets, Target{Node: n})
	}
	for _, r := range p.Replicas {
		if r.Role == Reader && !slices.Contains(nodes, r.Node) {
			targets = append(targets, Target{r.Node, Reader})
		}
	}
	return targets
}

// Before returns the nodes that had the voters before the reassignment under way, which cancelling
// it goes back to; false if none is. A reader that was on its way to vote, and whoever was on its
// way, are not among them.
func (p *Partition) Before() ([]NodeID, bool) {
	r := p.Reassignment()
	if len(r.Adding)+len(r.Removing) == 0 {
		return nil, false
	}
	return slices.DeleteFunc(r.Replicas, func(n NodeID) bool { return slices.Contains(r.Adding, n) }), true
}
