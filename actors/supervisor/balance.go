package supervisor

import (
	"cmp"
	"slices"

	"github.com/troupe-mq/troupe/raft/metadata"
)

// balance moves replicas from the fullest nodes to the emptiest until no pair is more than one
// apart between which a replica can be moved.
func (s *state) balance() {
	var nodes []*home
	for _, h := range s.homes {
		if h.usable {
			nodes = append(nodes, h)
		}
	}
	for s.shift(nodes) {
	}
}

// shift makes a node have one replica fewer and another one more; false if that would make nothing
// more even. What costs nothing comes first: replicas that are placed anew anyhow go elsewhere.
func (s *state) shift(nodes []*home) bool {
	full := slices.Clone(nodes)
	slices.SortStableFunc(full, func(a, b *home) int { return cmp.Compare(b.replicas, a.replicas) })
	if slices.ContainsFunc(full, s.divert) {
		return true
	}
	for _, from := range full {
		for _, to := range slices.Backward(full) {
			if from.replicas < to.replicas+2 {
				break
			}
			if p, i := s.movable(from, to); p != nil {
				s.replace(p, i, to, Balance)
				return true
			}
		}
	}
	return false
}

// hop is one target of a partition going to a node.
type hop struct {
	p    *part
	i    int
	from *home
}

// divert takes a newcomer off a node, by as many hops of newcomers from node to node as it takes to
// end at one with two fewer replicas; false if there is no such way.
func (s *state) divert(from *home) bool {
	came := map[*home]hop{from: {}}
	queue := []*home{from}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		if at.replicas+2 <= from.replicas {
			for at != from {
				h := came[at]
				s.replace(h.p, h.i, at, Balance)
				at = h.from
			}
			return true
		}
		for _, p := range s.parts {
			i := p.at(at.id)
			if i < 0 || !p.newcomer(i) {
				continue
			}
			for _, to := range s.homes {
				if _, seen := came[to]; !seen && to.usable && s.fits(p, i, at, to) {
					came[to] = hop{p, i, at}
					queue = append(queue, to)
				}
			}
		}
	}
	return false
}

// at returns which target is on a node, -1 if none is.
func (p *part) at(n metadata.NodeID) int {
	return slices.IndexFunc(p.targets, func(t metadata.Target) bool { return t.Node == n })
}

// fits reports whether target i of a partition can go from one node to another without the
// partition being in fewer racks.
func (s *state) fits(p *part, i int, from, to *home) bool {
	return !p.on(to.id) && s.inRack(p, i, to.rack) <= s.inRack(p, i, from.rack)
}

// movable finds a replica that can go from one node to another, rather one that does not lead.
func (s *state) movable(from, to *home) (best *part, at int) {
	for _, p := range s.parts {
		i := p.at(from.id)
		if i < 0 || !p.settled && !p.changed || !s.fits(p, i, from, to) {
			continue
		}
		if i > 0 {
			return p, i
		}
		if best == nil {
			best = p
		}
	}
	return best, 0
}
