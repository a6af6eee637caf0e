package node

import (
	"context"
	"slices"
	"time"

	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// Maintain puts a node into maintenance, or takes it out: its leaderships move away and stay away
// until then.
func (n *Node) Maintain(ctx context.Context, id metadata.NodeID, on bool) error {
	r, err := n.Submit(ctx, metadata.Command{RestNode: &metadata.RestNode{Node: id, On: on}})
	if err == nil && r.Err != nil {
		err = r.Err
	}
	return err
}

// rests reports whether a node should lead nothing: it is away, or its disk has no room for what it
// would have to write.
func (n *Node) rests(id metadata.NodeID) bool { return n.away(id) || n.low(id) }

// away reports whether a node stops, or the operator does not want it to lead.
func (n *Node) away(id metadata.NodeID) bool {
	node := n.here.Image().Nodes[id]
	return n.resting.Has(id) || node != nil && node.State != metadata.Active
}

// keepAway hands over what this node leads while the operator wants it to lead nothing, and tells
// its replicas whether to look for leaderships.
func (n *Node) keepAway(before bool) (resting bool) {
	resting = n.rests(n.here.ID)
	if resting || before {
		rest := &replica.Rest{On: resting}
		n.replicas.each(func(r *replica.Ref) { r.Send(rest) })
	}
	if !resting {
		return false
	}
	for _, r := range n.movable() {
		if to := n.successor(r.Shard, r.View()); to != 0 {
			r.Send(&replica.Transfer{To: to})
		}
	}
	return true
}

// successor is the replica that should lead instead of this node's: in sync, on a node that does
// not rest either, the most preferred first; 0 if there is none.
func (n *Node) successor(s storage.ShardID, v *replica.View) storage.ReplicaID {
	for _, m := range n.here.Members(s) {
		if m.Node != n.here.ID && slices.Contains(v.InSync, m.Replica) && n.here.Alive(m.Node) && !n.rests(m.Node) {
			return m.Replica
		}
	}
	return 0
}

// settleLeaders is what balance does at every tick: leaderships go where they belong, or away.
func (n *Node) settleLeaders(now time.Time, rested bool) (rests bool) {
	n.calm.look(now, n.here.Peers(), n.here.Links.Up)
	if n.draining.Load() {
		return rested
	}
	if rests = n.keepAway(rested); !rests {
		n.handBack(now)
	}
	return rests
}
