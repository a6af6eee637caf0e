package health

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/troupe-mq/troupe/raft/metadata"
)

// MayStop returns what would happen if a node were stopped now, beyond a moment's change of leaders: nothing if it is safe.
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
	votes := slices.ContainsFunc(part.Members(), func(r metadata.Replica) bool { return r.Node == n && r.Role == metadata.Voter })
	if !votes {
		return ""
	}
	l := p.Leader(part.Shard)
	voters := part.Voters()
	rest := without(l.InSync, []metadata.NodeID{n})
	need := voters/2 + 1
	least := 0
	if t := p.Image.Topics[part.Topic]; t != nil && part.Shard != metadata.MetaShard {
		least, _ = strconv.Atoi(p.TopicSetting(t, "min.insync.replicas"))
	}
	switch {
	case !l.Known:
		return "it has no leader now, so nobody knows who is in sync"
	case voters == 1:
		return "its only replica is there"
	case len(rest) < need:
		return fmt.Sprintf("%d of %d voters are in sync without it, %d are needed; not in sync: %s", len(rest), voters, need, p.describe(without(p.votersOf(part), append(rest, n))))
	case len(rest) < least:
		return fmt.Sprintf("%d replicas are in sync without it and min.insync.replicas is %d: writes with acks=all would be refused", len(rest), least)
	}
	return ""
}

func (p Picture) votersOf(part *metadata.Partition) []metadata.NodeID {
	var nodes []metadata.NodeID
	for _, r := range part.Replicas {
		if r.Role == metadata.Voter {
			nodes = append(nodes, r.Node)
		}
	}
	return nodes
}
