package node

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/actors/api"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// SetReaders gives every partition of a topic n read-only replicas.
func (n *Node) SetReaders(ctx context.Context, topic string, readers int) error {
	image := n.here.Image()
	t := image.Topics[topic]
	if t == nil {
		return errNoTopic(topic)
	}
	changes, err := n.Readers(t, readers)
	if err != nil {
		return err
	}
	for _, c := range changes {
		if err := n.alterReplicas(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// Promote has the read-only replica of a partition on a node vote, besides those that do.
func (n *Node) Promote(ctx context.Context, topic string, partition int32, node metadata.NodeID) error {
	p := n.here.Image().Partition(topic, partition)
	if p == nil {
		return errNoTopic(topic)
	}
	c := metadata.AlterReplicas{Shard: p.Shard, Wanted: p.Voters() + 1}
	found := false
	for _, r := range p.Replicas {
		role := r.Role
		if r.Node == node && role == metadata.Reader {
			role, found = metadata.Voter, true
		}
		c.Targets, c.Seen = append(c.Targets, metadata.Target{Node: r.Node, Role: role}), append(c.Seen, r.ID)
	}
	if !found {
		return protocol.Errorf(kerr.InvalidRequest, "%s-%d has no read-only replica on node %d", topic, partition, node)
	}
	return n.alterReplicas(ctx, c)
}

func (n *Node) alterReplicas(ctx context.Context, c metadata.AlterReplicas) error {
	r, err := n.Submit(ctx, metadata.Command{AlterReplicas: &c})
	if err == nil && r.Err != nil {
		err = r.Err
	}
	return err
}

func errNoTopic(topic string) error {
	return protocol.Errorf(kerr.UnknownTopicOrPartition, "there is no topic %q, or not that partition of it", topic)
}

// ReplicaStatus is how one replica of a partition is.
type ReplicaStatus struct {
	Partition int32             `json:"partition"`
	Node      metadata.NodeID   `json:"node"`
	Replica   storage.ReplicaID `json:"replica"`
	Role      string            `json:"role"` // leader, voter or reader
	Up        bool              `json:"up"`
	InSync    bool              `json:"in_sync"`
	Coming    bool              `json:"coming"`      // not yet what it shall be
	Lag       int64             `json:"lag_entries"` // -1 if its leader does not tell
	BehindMS  int64             `json:"behind_ms"`
}

// Topic tells how the replicas of a topic's partitions are, in order of partition and preference.
func (n *Node) Topic(ctx context.Context, topic string) ([]ReplicaStatus, error) {
	t := n.here.Image().Topics[topic]
	if t == nil {
		return nil, errNoTopic(topic)
	}
	all := []ReplicaStatus{}
	for _, p := range t.Partitions {
		l := n.leaders.Of(p.Shard)
		s, _ := n.Standing(ctx, p.Shard) // what is not known is said to be
		for _, r := range p.Replicas {
			one := ReplicaStatus{Partition: p.Index, Node: r.Node, Replica: r.ID, Role: "voter", Up: n.here.Alive(r.Node), Coming: r.Pending, Lag: -1}
			switch {
			case r.Role == metadata.Reader:
				one.Role = "reader"
			case l.Known && l.Node == r.Node:
				one.Role = "leader"
			}
			if at := slices.IndexFunc(s.Members, func(m api.MemberStanding) bool { return m.Replica == r.ID }); at >= 0 {
				m := s.Members[at]
				one.Lag, one.BehindMS = int64(m.Lag), m.Behind.Milliseconds()
				one.InSync = m.InReach && m.Lag <= nearEnough || slices.Contains(l.InSync, r.Node)
			}
			all = append(all, one)
		}
	}
	return all, nil
}

// nearEnough is by how many entries a replica that hears from its leader all the time may lag
// behind it.
const nearEnough = 64
