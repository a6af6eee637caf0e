package operate

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/actors/api"
	"github.com/troupe-mq/troupe/actors/supervisor"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// SetReaders gives every partition of a topic n read-only replicas.
func (o *Operator) SetReaders(ctx context.Context, topic string, readers int) error {
	image := o.here.Image()
	t := image.Topics[topic]
	if t == nil {
		return errNoTopic(topic)
	}
	changes, err := o.Readers(t, readers)
	if err != nil {
		return err
	}
	for _, c := range changes {
		if err := o.alterReplicas(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// Place chooses nodes for the replicas of new partitions of a topic.
func (o *Operator) Place(topic string, partitions, replicationFactor int) ([][]metadata.NodeID, error) {
	return supervisor.Place(o.here.Image(), o.takes, topic, partitions, replicationFactor)
}

// Readers chooses where the read-only replicas of a topic's partitions are to be, and returns the
// changes that takes.
func (o *Operator) Readers(t *metadata.Topic, readers int) ([]metadata.AlterReplicas, error) {
	return supervisor.Readers(o.here.Image(), o.takes, t, readers)
}

// takes reports whether a node is to be given new replicas before others: it is up, stays so, and
// has room.
func (o *Operator) takes(id metadata.NodeID) bool {
	return o.here.Alive(id) && !o.Leaders.NoLeader(id)
}

// Promote has the read-only replica of a partition on a node vote, besides those that do.
func (o *Operator) Promote(ctx context.Context, topic string, partition int32, node metadata.NodeID) error {
	p := o.here.Image().Partition(topic, partition)
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
	return o.alterReplicas(ctx, c)
}

func (o *Operator) alterReplicas(ctx context.Context, c metadata.AlterReplicas) error {
	r, err := o.Submit(ctx, metadata.Command{AlterReplicas: &c})
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
func (o *Operator) Topic(ctx context.Context, topic string) ([]ReplicaStatus, error) {
	t := o.here.Image().Topics[topic]
	if t == nil {
		return nil, errNoTopic(topic)
	}
	all := []ReplicaStatus{}
	for _, p := range t.Partitions {
		l := o.Leaders.Of(p.Shard)
		s, _ := o.Standing(ctx, p.Shard) // what is not known is said to be
		for _, r := range p.Replicas {
			one := ReplicaStatus{Partition: p.Index, Node: r.Node, Replica: r.ID, Role: "voter", Up: o.here.Alive(r.Node), Coming: r.Pending, Lag: -1}
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
