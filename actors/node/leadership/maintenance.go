package leadership

import (
	"slices"

	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// NoLeader reports whether a node should lead nothing: it stops or is in maintenance, or its disk
// has no room for what it would have to write.
func (l *Leaderships) NoLeader(id metadata.NodeID) bool { return l.maintained(id) || l.space.Low(id) }

// maintained reports whether a node stops, or the operator does not want it to lead.
func (l *Leaderships) maintained(id metadata.NodeID) bool {
	node := l.here.Image().Nodes[id]
	return l.stopping.Has(id) || node != nil && node.State != metadata.Active
}

// moveAway hands over what this node leads while it should lead nothing, and tells its replicas
// whether to look for leaderships.
func (l *Leaderships) moveAway(before bool) (away bool) {
	away = l.NoLeader(l.here.ID)
	if away || before {
		rest := &replica.Rest{On: away}
		l.replicas.Each(func(r *replica.Ref) { r.Send(rest) })
	}
	if !away {
		return false
	}
	for _, r := range l.movable() {
		if to := l.successor(r.Shard, r.View()); to != 0 {
			r.Send(&replica.Transfer{To: to})
		}
	}
	return true
}

// successor is the replica that should lead instead of this node's: in sync, on a node that does
// not rest either, the most preferred first; 0 if there is none.
func (l *Leaderships) successor(s storage.ShardID, v *replica.View) storage.ReplicaID {
	for _, m := range l.here.Members(s) {
		if m.Node != l.here.ID && slices.Contains(v.InSync, m.Replica) && l.here.Alive(m.Node) && !l.NoLeader(m.Node) {
			return m.Replica
		}
	}
	return 0
}
