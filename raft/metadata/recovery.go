package metadata

import (
	"slices"

	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/storage"
)

// Recovery is the record of a time when the operator had shards go on without their majority.
type Recovery struct {
	At     int64 // ms since the epoch
	Lost   []NodeID
	Shards []RecoveredShard
	Gone   []string `json:",omitempty"` // partitions of which nothing was left

	Unknown Unknown `json:"-"`
}

// RecoveredShard is one of the shards.
type RecoveredShard struct {
	Shard storage.ShardID
	Name  string
	Node  NodeID // whose replica went on
	// what it knew to be committed; what lay behind may be lost, or may have come to count without
	// having been acknowledged
	HighWatermark int64

	Unknown Unknown `json:"-"`
}

// RecordRecovery keeps the record for good, and buries the incarnations of the lost nodes: none of
// their disks comes back, and their replicas are replaced.
type RecordRecovery struct{ Recovery Recovery }

func (c *RecordRecovery) apply(i *Image, r *Result) *protocol.Error {
	for _, n := range c.Recovery.Lost {
		if i.Nodes[n] == nil || i.Nodes[n].State == Replacing {
			continue
		}
		if err := (&ReplaceNode{Node: n}).apply(i, r); err != nil {
			return err
		}
	}
	i.Recoveries = append(slices.Clone(i.Recoveries), c.Recovery)
	return nil
}
