package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

// verifyWithin is how long replicas may take to become equal after the last write.
const verifyWithin = 60 * time.Second

// Verify starts the nodes that are down, and waits until all replicas of every partition, internal
// topics among them, are the same: applied as far, with the same bytes.
func (c *Cluster) Verify() {
	c.t.Helper()
	for _, n := range c.Nodes {
		switch {
		case n.process == nil || n.gone:
		case !n.Running():
			n.Start()
		case n.process.paused:
			n.Resume()
		}
	}
	c.WaitReady()
	Eventually(c.t, verifyWithin, "replicas are identical", func(ctx context.Context) error {
		topics, err := c.Admin().ListTopicsWithInternal(ctx)
		if err != nil {
			return err
		}
		return c.same(ctx, topics)
	})
}

func (c *Cluster) same(ctx context.Context, topics kadm.TopicDetails) error {
	var errs []error
	topics.EachPartition(func(p kadm.PartitionDetail) { errs = append(errs, c.samePartition(ctx, p)) })
	return errors.Join(errs...)
}

func (c *Cluster) samePartition(ctx context.Context, p kadm.PartitionDetail) error {
	var first Replica
	for i, id := range p.Replicas {
		r, err := c.Node(id).Replica(ctx, p.Topic, p.Partition)
		if err != nil {
			return fmt.Errorf("%s/%d: %w", p.Topic, p.Partition, err)
		}
		if i == 0 {
			first = r
		} else if r != first {
			return fmt.Errorf("%s/%d differs:\nnode %d: %+v\nnode %d: %+v", p.Topic, p.Partition, p.Replicas[0], first, id, r)
		}
	}
	return nil
}

// Replica describes what the node holds of a partition.
func (n *Node) Replica(ctx context.Context, topic string, partition int32) (Replica, error) {
	return n.c.flavor.Replica(ctx, n.c, n, topic, partition)
}

// WaitReplicas waits until all replicas of a partition are the same and hold everything up to the
// high watermark.
func (c *Cluster) WaitReplicas(topic string, partition int32, highWatermark int64) {
	c.t.Helper()
	Eventually(c.t, verifyWithin, fmt.Sprintf("replicas of %s/%d", topic, partition), func(ctx context.Context) error {
		topics, err := c.Admin().ListTopics(ctx, topic)
		if err != nil {
			return err
		}
		p, ok := topics[topic].Partitions[partition]
		if !ok {
			return fmt.Errorf("there is no partition %d", partition)
		}
		if err := c.samePartition(ctx, p); err != nil {
			return err
		}
		r, err := c.Node(p.Leader).Replica(ctx, topic, partition)
		if err == nil && r.HighWatermark != highWatermark {
			err = fmt.Errorf("high watermark is %d, want %d", r.HighWatermark, highWatermark)
		}
		return err
	})
}
