package troupetest

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// CreateTopic makes a topic with replicas on three brokers, or on all if there are fewer, and waits
// until every broker that runs knows leaders of all its partitions.
func (c *Cluster) CreateTopic(name string, partitions int32) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	client := c.admin(c.Addresses()...)
	defer client.Close()
	made, err := kadm.NewClient(client).CreateTopic(ctx, partitions, int16(min(len(c.nodes), 3)), nil, name)
	if err != nil || made.Err != nil {
		c.t.Fatalf("troupetest: topic %s: %v", name, err)
	}
	for _, m := range c.nodes {
		if m.broker != nil {
			c.awaitLeaders(ctx, m, name)
		}
	}
}

// awaitLeaders waits until a broker knows leaders of all partitions of a topic.
func (c *Cluster) awaitLeaders(ctx context.Context, m *member, topic string) {
	c.t.Helper()
	client := c.admin(m.address)
	defer client.Close()
	for {
		err := leaders(ctx, client, topic)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			c.t.Fatalf("troupetest: topic %s as node %d knows it: %v", topic, m.id, err)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// leaders says what partition of a topic has no leader that the client's first broker knows.
func leaders(ctx context.Context, client *kgo.Client, topic string) error {
	r := kmsg.NewPtrMetadataRequest()
	one := kmsg.NewMetadataRequestTopic()
	one.Topic = &topic
	r.Topics = append(r.Topics, one)
	answer, err := r.RequestWith(ctx, client.SeedBrokers()[0])
	if err != nil {
		return err
	}
	if err := kerr.ErrorForCode(answer.Topics[0].ErrorCode); err != nil {
		return err
	}
	for _, p := range answer.Topics[0].Partitions {
		if err := kerr.ErrorForCode(p.ErrorCode); err != nil || p.Leader < 0 {
			return fmt.Errorf("partition %d: leader %d, %v", p.Partition, p.Leader, err)
		}
	}
	return nil
}

// Leader is the id of the broker that leads a partition, as the cluster knows it now.
func (c *Cluster) Leader(topic string, partition int32) int {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	client := c.admin(c.Addresses()...)
	defer client.Close()
	for {
		all, err := kadm.NewClient(client).ListTopics(ctx, topic)
		if err == nil {
			if p, ok := all[topic].Partitions[partition]; ok && p.Err == nil && p.Leader >= 0 {
				return int(p.Leader)
			}
		}
		select {
		case <-ctx.Done():
			c.t.Fatalf("troupetest: %s-%d has no leader: %v", topic, partition, err)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// admin makes a client of the cluster's own, by way of certain brokers.
func (c *Cluster) admin(addresses ...string) *kgo.Client {
	c.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(addresses...))
	if err != nil {
		c.t.Fatalf("troupetest: %v", err)
	}
	return client
}
