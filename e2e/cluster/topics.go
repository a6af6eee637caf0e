package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// settleWithin is how long elections and catching up may take on two busy cores before a test gives
// up.
const settleWithin = 45 * time.Second

// CreateTopic creates a topic and waits until every partition has a leader and all its replicas in
// sync.
func (c *Cluster) CreateTopic(topic string, partitions int32, replicas int16) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), settleWithin)
	defer cancel()
	if r, err := c.Admin().CreateTopic(ctx, partitions, replicas, nil, topic); err != nil || r.Err != nil {
		c.t.Fatalf("create topic %s: %v", topic, errors.Join(err, r.Err))
	}
	c.WaitInSync(topic)
}

// CreateTopicAt creates a topic whose partition i has its replicas on assignment[i], preferred
// leader first.
func (c *Cluster) CreateTopicAt(topic string, assignment ...[]int32) {
	c.t.Helper()
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = topic, -1, -1
	for i, replicas := range assignment {
		a := kmsg.NewCreateTopicsRequestTopicReplicaAssignment()
		a.Partition, a.Replicas = int32(i), replicas
		t.ReplicaAssignment = append(t.ReplicaAssignment, a)
	}
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis, req.Topics = 30_000, append(req.Topics, t)
	resp, err := req.RequestWith(context.Background(), c.Client())
	if err != nil {
		c.t.Fatalf("create topic %s: %v", topic, err)
	}
	if err := kerr.ErrorForCode(resp.Topics[0].ErrorCode); err != nil {
		c.t.Fatalf("create topic %s at %v: %v", topic, assignment, err)
	}
	c.WaitInSync(topic)
}

// Topic asks this very node what it knows of a topic; one that it does not know is an error.
func (n *Node) Topic(ctx context.Context, topic string) (kmsg.MetadataResponseTopic, error) {
	t := kmsg.NewMetadataRequestTopic()
	t.Topic = kmsg.StringPtr(topic)
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = append(req.Topics, t)
	resp, err := req.RequestWith(ctx, n.Broker())
	if err != nil {
		return kmsg.MetadataResponseTopic{}, fmt.Errorf("node %d: %w", n.ID, err)
	}
	if len(resp.Topics) != 1 {
		return kmsg.MetadataResponseTopic{}, fmt.Errorf("node %d: asked for one topic, told %d", n.ID, len(resp.Topics))
	}
	if err := kerr.ErrorForCode(resp.Topics[0].ErrorCode); err != nil {
		return kmsg.MetadataResponseTopic{}, fmt.Errorf("node %d: %s: %w", n.ID, topic, err)
	}
	got := resp.Topics[0]
	slices.SortFunc(got.Partitions, func(a, b kmsg.MetadataResponseTopicPartition) int { return int(a.Partition - b.Partition) })
	return got, nil
}

// WaitTopic waits until every running node tells the same of the topic (leaders, epochs, replicas,
// in-sync replicas, id), every partition is led by a running node, and ok accepts it.
func (c *Cluster) WaitTopic(topic, what string, ok func(kmsg.MetadataResponseTopic) error) kmsg.MetadataResponseTopic {
	c.t.Helper()
	var agreed kmsg.MetadataResponseTopic
	Eventually(c.t, settleWithin, what+" of "+topic, func(ctx context.Context) (err error) {
		if agreed, err = c.agreed(ctx, topic); err != nil {
			return err
		}
		return ok(agreed)
	})
	return agreed
}

func (c *Cluster) agreed(ctx context.Context, topic string) (first kmsg.MetadataResponseTopic, err error) {
	for i, n := range c.Running() {
		got, err := n.Topic(ctx, topic)
		if err != nil {
			return got, err
		}
		for _, p := range got.Partitions {
			if p.Leader < 1 || !c.Node(p.Leader).Running() {
				return got, fmt.Errorf("node %d says partition %d is led by %d", n.ID, p.Partition, p.Leader)
			}
		}
		if i == 0 {
			first = got
		} else if a, b := describe(first), describe(got); a != b {
			return got, fmt.Errorf("nodes disagree on %s:\n%s\n%s", topic, a, b)
		}
	}
	return first, nil
}

func describe(t kmsg.MetadataResponseTopic) string {
	s := fmt.Sprintf("id %x", t.TopicID)
	for _, p := range t.Partitions {
		isr := slices.Sorted(slices.Values(p.ISR))
		s += fmt.Sprintf("; %d: leader %d epoch %d replicas %v isr %v", p.Partition, p.Leader, p.LeaderEpoch, p.Replicas, isr)
	}
	return s
}

// WaitLeaders waits until all nodes agree on a running leader of every partition, and returns them
// by partition.
func (c *Cluster) WaitLeaders(topic string) []int32 {
	c.t.Helper()
	return leaders(c.WaitTopic(topic, "leaders", func(kmsg.MetadataResponseTopic) error { return nil }))
}

// WaitInSync is WaitLeaders that also waits until every replica is in sync.
func (c *Cluster) WaitInSync(topic string) []int32 {
	c.t.Helper()
	return leaders(c.WaitTopic(topic, "in-sync replicas", func(t kmsg.MetadataResponseTopic) error {
		for _, p := range t.Partitions {
			if len(p.ISR) != len(p.Replicas) {
				return errors.New(describe(t))
			}
		}
		return nil
	}))
}

func leaders(t kmsg.MetadataResponseTopic) []int32 {
	ids := make([]int32, len(t.Partitions))
	for i, p := range t.Partitions {
		ids[i] = p.Leader
	}
	return ids
}

// Leader returns the node that leads a partition, once all running nodes agree.
func (c *Cluster) Leader(topic string, partition int32) *Node {
	c.t.Helper()
	ids := c.WaitLeaders(topic)
	if int(partition) >= len(ids) {
		c.t.Fatalf("%s has %d partitions, not partition %d", topic, len(ids), partition)
	}
	return c.Node(ids[partition])
}

// Controller returns the node that leads __meta, once all running nodes agree on a running one.
func (c *Cluster) Controller() *Node {
	c.t.Helper()
	if c.flavor.Name() == "kafka" {
		return c.kafkaController()
	}
	var id int32
	Eventually(c.t, settleWithin, "the leader of __meta", func(ctx context.Context) error {
		for i, n := range c.Running() {
			resp, err := kmsg.NewPtrMetadataRequest().RequestWith(ctx, n.Broker())
			if err != nil {
				return fmt.Errorf("node %d: %w", n.ID, err)
			}
			if i == 0 {
				id = resp.ControllerID
			}
			if resp.ControllerID != id || id < 1 || !c.Node(id).Running() {
				return fmt.Errorf("node %d says %d, the first said %d", n.ID, resp.ControllerID, id)
			}
		}
		return nil
	})
	return c.Node(id)
}

// kafkaController asks the quorum: a Kafka broker tells clients some random broker instead.
func (c *Cluster) kafkaController() *Node {
	c.t.Helper()
	var id int32
	Eventually(c.t, settleWithin, "the quorum's leader", func(ctx context.Context) error {
		t, p := kmsg.NewDescribeQuorumRequestTopic(), kmsg.NewDescribeQuorumRequestTopicPartition()
		t.Topic, t.Partitions = "__cluster_metadata", append(t.Partitions, p)
		req := kmsg.NewPtrDescribeQuorumRequest()
		req.Topics = append(req.Topics, t)
		resp, err := req.RequestWith(ctx, c.Running()[0].Broker())
		if err != nil {
			return err
		}
		if len(resp.Topics) == 0 || len(resp.Topics[0].Partitions) == 0 {
			return fmt.Errorf("no answer: %v", kerr.ErrorForCode(resp.ErrorCode))
		}
		id = resp.Topics[0].Partitions[0].LeaderID
		if id < 1 || !c.Node(id).Running() {
			return fmt.Errorf("led by %d", id)
		}
		return nil
	})
	return c.Node(id)
}

// End returns the end offset of a partition as its leader tells it.
func (c *Cluster) End(topic string, partition int32) int64 {
	c.t.Helper()
	var end kadm.ListedOffset
	Eventually(c.t, settleWithin, "end of "+topic, func(ctx context.Context) error {
		l, err := c.Admin().ListEndOffsets(ctx, topic)
		if err != nil {
			return err
		}
		end, _ = l.Lookup(topic, partition)
		return end.Err
	})
	return end.Offset
}
