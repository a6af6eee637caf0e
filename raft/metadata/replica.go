package metadata

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/storage"
)

// Replica is a member of a shard, or is to be one. Its id is given out once: a replica that is
// placed anew gets another.
type Replica struct {
	ID          storage.ReplicaID
	Node        NodeID
	Incarnation uint64 // of the node when the replica was placed
	// Founding replicas start with all founders of the partition as voters. One that is not starts
	// empty and joins by a change of members.
	Founding bool `json:",omitempty"`
	Role     Role `json:",omitempty"`
	// Pending means that the shard has not been seen with the replica in its role: a voter is still a
	// learner, or no member yet.
	Pending bool `json:",omitempty"`
	// Back means that it was to leave before: should the shard be seen without it, it has left, and
	// its id is used up. Only while Pending.
	Back bool `json:",omitempty"`
	// Lost means that nothing it holds may be used: it never votes again, and its node drops what is
	// left of it. Only in Leaving.
	Lost bool `json:",omitempty"`

	Unknown Unknown `json:"-"`
}

// Role is what a replica is for.
type Role uint8

const (
	// Voter is a replica that counts for the shard's majority and may lead.
	Voter Role = iota
	// Reader is a learner for good: it holds the log and serves reads, and never delays or decides
	// anything.
	Reader
)

// NodeState is what the operator wants of a node.
type NodeState uint8

const (
	// Active nodes hold replicas and leaderships.
	Active NodeState = iota
	// Maintenance keeps leaderships away from a node; its replicas stay.
	Maintenance
	// Draining takes replicas and leaderships away from a node until it holds none and is removed.
	Draining
	// Replacing is a node whose disk is lost: its replicas are, and it is waited for with an empty
	// one.
	Replacing
)

var nodeStates = [...]string{"active", "maintenance", "draining", "replacing"}

func (s NodeState) String() string { return nodeStates[s] }

// Home reports whether replicas may be placed on the node.
func (n *Node) Home() bool { return n.State == Active || n.State == Maintenance }

// MayPlace tells why no new replica may be placed on a node; nil if one may. Every placement asks
// it.
func (i *Image) MayPlace(n NodeID) *protocol.Error {
	switch node := i.Nodes[n]; {
	case node == nil:
		return protocol.Errorf(kerr.InvalidReplicaAssignment, "node %d is not in the cluster", n)
	case !node.Home():
		return protocol.Errorf(kerr.InvalidReplicaAssignment, "node %d is %s: nothing new is placed there", n, node.State)
	case i.IsGone(n, node.Incarnation):
		return protocol.Errorf(kerr.InvalidReplicaAssignment, "node %d has lost its disk: nothing new is placed there", n)
	}
	return nil
}

// Electorate are the replicas that vote now, as far as the metadata knows: those that have come,
// and those that leave and have not left.
func (p *Partition) Electorate() (voters []Replica) {
	for _, r := range p.Members() {
		if r.Role == Voter && (!r.Pending || r.Back) {
			voters = append(voters, r)
		}
	}
	return voters
}

// Members are all replicas that the shard may count among its members: those that shall be, and
// those that have not left yet.
func (p *Partition) Members() []Replica {
	if len(p.Leaving) == 0 {
		return p.Replicas
	}
	return append(slices.Clone(p.Replicas), p.Leaving...)
}

// Nodes are the nodes that have a replica of the partition, in the order of preference, those that
// it leaves at the end.
func (p *Partition) Nodes() []NodeID {
	nodes := make([]NodeID, 0, len(p.Replicas)+len(p.Leaving))
	for _, r := range p.Members() {
		if !r.Lost && !slices.Contains(nodes, r.Node) {
			nodes = append(nodes, r.Node)
		}
	}
	return nodes
}

// Moving reports whether the shard's members are not yet what they shall be.
func (p *Partition) Moving() bool {
	return len(p.Leaving) > 0 || slices.ContainsFunc(p.Replicas, func(r Replica) bool { return r.Pending })
}

// On returns the replicas that a node shall run with the data directory of the given incarnation,
// by shard; __meta's is not among them.
func (i *Image) On(n NodeID, incarnation uint64) map[storage.ShardID]Placed {
	placed := make(map[storage.ShardID]Placed)
	for _, t := range i.Topics {
		for _, p := range t.Partitions {
			if r, ok := p.on(n, incarnation); ok {
				placed[p.Shard] = Placed{p, r}
			}
		}
	}
	return placed
}

// MetaOn returns the replica of __meta that a node shall run.
func (i *Image) MetaOn(n NodeID, incarnation uint64) (Placed, bool) {
	if i.Meta == nil {
		return Placed{}, false
	}
	r, ok := i.Meta.on(n, incarnation)
	return Placed{i.Meta, r}, ok
}

// on returns the replica on a node. One that is lost is none.
func (p *Partition) on(n NodeID, incarnation uint64) (Replica, bool) {
	for _, list := range [][]Replica{p.Replicas, p.Leaving} {
		for _, r := range list {
			if r.Node == n && r.Incarnation == incarnation && !r.Lost {
				return r, true
			}
		}
	}
	return Replica{}, false
}

// Lost reports whether a replica was placed on a disk that its node does not have any more.
func (i *Image) Lost(r Replica) bool {
	n := i.Nodes[r.Node]
	return r.Lost || n == nil || n.Incarnation != r.Incarnation || i.IsGone(r.Node, r.Incarnation)
}

// MetaVoters is how many of n nodes vote in __meta: five or three, and all of fewer.
func MetaVoters(n int) int {
	switch {
	case n >= 5:
		return 5
	case n >= 3:
		return 3
	}
	return n
}
