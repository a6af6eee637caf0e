package supervisor

import (
	"slices"

	"github.com/troupe-mq/troupe/raft/metadata"
)

// redirect takes replicas that are on their way to a node that has been down for long elsewhere:
// back to a node that the partition is leaving, which has its log, or to a new one. A replica that
// is rebuilt where it was is waited for, as every node that is only down.
func (s *state) redirect(p *part, gone map[metadata.NodeID]bool) {
	for i, r := range p.is.Replicas {
		rebuilt := slices.ContainsFunc(p.is.Leaving, func(l metadata.Replica) bool { return l.Node == r.Node })
		if !gone[r.Node] || !r.Pending || r.Back || r.Role != metadata.Voter || rebuilt || p.targets[i].Node != r.Node {
			continue
		}
		to := s.former(p)
		if to == nil {
			to = s.best(p, i)
		}
		if to != nil {
			s.replace(p, i, to, Redirect)
		}
	}
}

// former returns a usable node that a voter of the partition is leaving, nil if there is none.
func (s *state) former(p *part) *home {
	for _, r := range p.is.Leaving {
		if h := s.byID[r.Node]; h != nil && h.usable && r.Role == metadata.Voter && !s.image.Lost(r) && !p.on(r.Node) {
			return h
		}
	}
	return nil
}

// fill adds voters to a partition that has fewer than it should have, as far as there are nodes for
// them.
func (s *state) fill(p *part) {
	if !p.settled && !p.changed {
		return
	}
	for p.voters() < p.wanted {
		to := s.best(p, len(p.targets))
		if to == nil {
			return
		}
		to.replicas++
		at := slices.IndexFunc(p.targets, func(t metadata.Target) bool { return t.Role == metadata.Reader })
		if at < 0 {
			at = len(p.targets)
		}
		p.targets = slices.Insert(p.targets, at, metadata.Target{Node: to.id})
		p.change(Fill)
	}
}

// wanted is how many voters a partition should have: what was wanted when it was made, or what
// topics of the cluster's own should have.
func wanted(image *metadata.Image, p *metadata.Partition, internal int) int {
	if t := image.Topics[p.Topic]; p.Wanted == 0 && t != nil && t.Internal {
		return internal
	}
	return p.Wanted
}

// voters counts the targets that vote.
func (p *part) voters() (n int) {
	for _, t := range p.targets {
		if t.Role == metadata.Voter {
			n++
		}
	}
	return n
}
