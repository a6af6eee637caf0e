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
	node     metadata.NodeID // -1 if there is none that the client can reach
	epoch    int32           // the newest that is known, -1 if none is
	endpoint metadata.Listener
	rack     *string
}

// hintFor returns who leads a partition, as far as this node knows and if it is another one.
func (c *Call) hintFor(p *metadata.Partition) hint {
	h := hint{node: -1, epoch: -1}
	if p == nil {
		return h
	}
	var own *replica.View
	if ref := c.Cluster.Replica(p.Shard); ref != nil {
		own = ref.View()
	}
	leader, epoch := successor(p, c.Cluster.Leadership(p.Shard), own)
	node := c.Cluster.Image().Nodes[leader]
	switch {
	case leader == c.Cluster.Self():
		return h
	case node == nil || !c.Cluster.Alive(leader):
		return hint{node: -1, epoch: epoch}
	}
	at, ok := endpoint(node, c.Listener)
	if !ok {
		return hint{node: -1, epoch: epoch}
	}
	h = hint{node: leader, epoch: epoch, endpoint: at}
	if node.Rack != "" {
		h.rack = &node.Rack
	}
	return h
}

// successor returns the newest leader of a partition, of the last one that told this node, and the
// one that this node's replica follows: after a change of leaders it knows sooner. Without a leader
// the node is -1.
func successor(p *metadata.Partition, told Leadership, own *replica.View) (node metadata.NodeID, epoch int32) {
	node, epoch = -1, -1
	if told.Known {
		node, epoch = told.Node, told.Epoch
	}
	if own == nil || own.Role == replica.Leader || own.Epoch <= epoch {
		return node, epoch
	}
	node, epoch = -1, own.Epoch
	for _, r := range p.Members() {
		if r.ID == own.Leader {
			node = r.Node
		}
	}
	return node, epoch
}
