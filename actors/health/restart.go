package health

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/troupe-mq/troupe/raft/metadata"
)

// MayStop returns what would happen if a node were stopped now, beyond a moment's change of
// leaders: nothing if it is safe.
func (p Picture) MayStop(n metadata.NodeID) (reasons []string) {
	if p.Image.Nodes[n] == nil {
		return []string{fmt.Sprintf("there is no node %d in the cluster", n)}
	}
	p.each(func(part *metadata.Partition) {
		if why := p.without(part, n); why != "" {
			reasons = append(reasons, Name(part)+": "+why)
		}
	})
	return reasons
}

// without tells what a partition could not do without a node; empty if nothing.
func (p Picture) without(part *metadata.Partition, n metadata.NodeID) string {
	sets := p.electorates(part)
	if !slices.ContainsFunc(sets, func(voters []metadata.NodeID) bool { return slices.Contains(voters, n) }) {
		return ""
	}
	l := p.Leader(part.Shard)
	rest := without(l.InSync, []metadata.NodeID{n})
	least := 0
	if t := p.Image.Topics[part.Topic]; t != nil && part.Shard != metadata.MetaShard {
		least, _ = strconv.Atoi(p.TopicSetting(t, "min.insync.replicas"))
	}
	switch {
	case !l.Known:
		return "it has no leader now, so nobody knows who is in sync"
	case slices.ContainsFunc(sets, func(voters []metadata.NodeID) bool { return len(voters) == 1 && voters[0] == n }):
		return "its only replica is there"
	}
	for _, voters := range sets {
		left := both(voters, rest)
		if need := len(voters)/2 + 1; len(left) < need {
			return fmt.Sprintf("%d of %d voters are in sync without it, %d are needed; not in sync: %s", len(left), len(voters), need, p.describe(without(voters, append(left, n))))
		}
	}
	if len(rest) < least {
		return fmt.Sprintf("%d replicas are in sync without it and min.insync.replicas is %d: writes with acks=all would be refused", len(rest), least)
	}
	return ""
}

// nobody stands for a voter whose replica is lost or not known: it is never in sync.
const nobody metadata.NodeID = -1

// electorates returns the nodes of those that vote in a partition now, not of those that shall: of
// each set a majority is needed. There are two while members are exchanged. The shard's leader
// tells, else the metadata knows about.
func (p Picture) electorates(part *metadata.Partition) [][]metadata.NodeID {
	for _, r := range p.Reports {
		at := slices.IndexFunc(r.Members, func(m Members) bool { return m.Shard == part.Shard })
		if at >= 0 && p.Leader(part.Shard).Node == r.Node {
			return r.Members[at].Sets
		}
	}
	return [][]metadata.NodeID{Electorate(part)}
}

// Electorate returns the nodes of those that vote in a partition as far as the metadata knows.
func Electorate(part *metadata.Partition) (nodes []metadata.NodeID) {
	for _, r := range part.Electorate() {
		if r.Lost {
			r.Node = nobody
		}
		nodes = append(nodes, r.Node)
	}
	return nodes
}

// Spares reports whether a shard can do without a node: of every set of voters a majority is in
// sync without it.
func Spares(sets [][]metadata.NodeID, inSync []metadata.NodeID, n metadata.NodeID) bool {
	rest := without(inSync, []metadata.NodeID{n})
	for _, voters := range sets {
		if len(both(voters, rest)) <= len(voters)/2 {
			return false
		}
	}
	return len(sets) > 0
}

// Loses returns what would come of it if the disk of a node were lost: the partitions whose data
// would be nowhere else, or which would have no majority any more until an operator recovers them.
// Nodes that are down are counted as those that come back.
func Loses(i *metadata.Image, n metadata.NodeID) (consequences []string) {
	Each(i, func(part *metadata.Partition) {
		voters := Electorate(part)
		left := without(voters, []metadata.NodeID{n, nobody})
		switch {
		case !slices.Contains(voters, n) || len(left) > len(voters)/2:
		case len(left) == 0:
			consequences = append(consequences, Name(part)+": its only replica is there, what it holds is lost for good")
		default:
			consequences = append(consequences, fmt.Sprintf("%s: %d of %d voters are left, which is no majority: it stops until it is recovered (troupe cluster recover), and records may be lost",
				Name(part), len(left), len(voters)))
		}
	})
	return consequences
}

func both(a, b []metadata.NodeID) []metadata.NodeID {
	return slices.DeleteFunc(slices.Clone(a), func(n metadata.NodeID) bool { return !slices.Contains(b, n) })
}
