package api

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// led is a partition that this node leads.
type led struct {
	partition *metadata.Partition
	topic     *metadata.Topic
	ref       *replica.Ref
	view      *replica.View
}

// errNotLeader sends a client to look for the leader anew.
func errNotLeader(p *metadata.Partition) *protocol.Error {
	return protocol.Errorf(kerr.NotLeaderForPartition, "this node does not lead %s-%d", p.Topic, p.Index)
}

// leading finds a partition that this node must lead, at the epoch that the client knows (-1: any),
// by the rules of KIP-320.
func leading(c Cluster, t *metadata.Topic, n, epoch int32) (led, *protocol.Error) {
	p, err := partitionOf(t, n)
	if err != nil {
		return led{}, err
	}
	ref := c.Replica(p.Shard)
	if ref == nil {
		return led{partition: p}, errNotLeader(p)
	}
	l := led{p, t, ref, ref.View()}
	switch {
	case epoch >= 0 && epoch < l.view.Epoch && l.view.Role == replica.Leader:
		return l, protocol.Errorf(kerr.FencedLeaderEpoch, "the leader epoch is %d", l.view.Epoch)
	case epoch >= 0 && epoch > l.view.Epoch:
		return l, protocol.Errorf(kerr.UnknownLeaderEpoch, "the leader epoch is %d here", l.view.Epoch)
	case l.view.Role != replica.Leader:
		return l, errNotLeader(p)
	}
	return l, nil
}

// reading finds a partition that a consumer may read here: one that this node leads, or from
// version 11 on (KIP-392) one that it follows a leader in.
func reading(c Cluster, t *metadata.Topic, n, epoch int32, version int16) (led, *protocol.Error) {
	l, err := leading(c, t, n, epoch)
	if err == nil || err.Kafka != kerr.NotLeaderForPartition || l.view == nil || version < 11 {
		return l, err
	}
	v := l.view
	switch {
	case v.Leader == 0 || v.Role != replica.Follower && v.Role != replica.Learner:
		return l, err // what it has may be old, and nobody tells it what is new
	case epoch >= 0 && epoch < v.Epoch:
		return l, protocol.Errorf(kerr.FencedLeaderEpoch, "the leader epoch is %d", v.Epoch)
	}
	return l, nil
}

// hint is what a client is told about the leader it should go to (KIP-951).
type hint struct {
	node     metadata.NodeID
	epoch    int32
	endpoint metadata.Listener
	rack     *string
}

// hintFor returns who leads a partition, if this node knows and it is not this node.
func (c *Call) hintFor(p *metadata.Partition) (hint, bool) {
	if p == nil {
		return hint{}, false
	}
	l := c.Cluster.Leadership(p.Shard)
	node := c.Cluster.Image().Nodes[l.Node]
	if !l.Known || node == nil || l.Node == c.Cluster.Self() {
		return hint{}, false
	}
	at, ok := endpoint(node, c.Listener)
	h := hint{node: l.Node, epoch: l.Epoch, endpoint: at}
	if node.Rack != "" {
		h.rack = &node.Rack
	}
	return h, ok
}
