package supervisor

import (
	"cmp"
	"slices"

	"github.com/troupe-mq/troupe/raft/metadata"
)

// lead makes the nodes lead as many partitions as one another, give or take one, by changing the
// order of replicas. Where a node has too many, the shortest way is found on which leaderships can
// be passed from node to node until one has too few: a partition is passed to a node that has a
// replica of it. When no such way is left, no choice of leaders is more even.
func (s *state) lead() {
	for {
		full := slices.Clone(s.homes)
		slices.SortStableFunc(full, func(a, b *home) int { return cmp.Compare(b.leaders, a.leaders) })
		if !slices.ContainsFunc(full, func(h *home) bool { return h.usable && s.relieve(h) }) {
			return
		}
	}
}

// pass is one partition's leadership going from one node to another.
type pass struct {
	p  *part
	to int // which of its targets
}

// relieve takes one leadership off a node; false if no node with two fewer can be reached from it.
func (s *state) relieve(from *home) bool {
	came := map[*home]pass{} // by which pass a node was reached
	queue := []*home{from}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		if at != from && at.leaders+2 <= from.leaders {
			s.passOn(from, at, came)
			return true
		}
		for _, p := range s.parts {
			if !p.leads(at.id) {
				continue
			}
			for i, t := range p.targets {
				to := s.byID[t.Node]
				if _, seen := came[to]; i == 0 || to == nil || !to.usable || to == from || seen || t.Role != metadata.Voter || p.newcomer(i) {
					continue
				}
				came[to] = pass{p, i}
				queue = append(queue, to)
			}
		}
	}
	return false
}

// leads reports whether a partition prefers a node, and may prefer another.
func (p *part) leads(n metadata.NodeID) bool {
	return (p.settled || p.changed) && len(p.targets) > 0 && p.targets[0].Node == n
}

// passOn follows a way back from its end.
func (s *state) passOn(from, end *home, came map[*home]pass) {
	for at := end; at != from; {
		way := came[at]
		before := s.byID[way.p.targets[0].Node]
		way.p.targets[0], way.p.targets[way.to] = way.p.targets[way.to], way.p.targets[0]
		way.p.change(Lead)
		before.leaders--
		at.leaders++
		at = before
	}
}
