package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/e2e/cluster"
	"github.com/troupe-mq/troupe/e2e/history"
	"github.com/troupe-mq/troupe/e2e/load"
)

// A topic created at any node is listed at every node within a second.
func TestTopicsAreListedEverywhereWithinASecond(t *testing.T) {
	c := cluster.Start(t, 3)
	var created []string
	for round := range 3 {
		for _, at := range c.Nodes {
			topic := fmt.Sprintf("made%d.at%d", round, at.ID)
			createAt(t, at, topic, 3)
			created = append(created, topic)
			for _, n := range c.Nodes {
				cluster.Eventually(t, time.Second, fmt.Sprintf("%s made at node %d is listed at node %d", topic, at.ID, n.ID),
					func(ctx context.Context) error { _, err := n.Topic(ctx, topic); return err })
			}
		}
	}
	for _, n := range c.Nodes {
		all := kmsg.NewPtrMetadataRequest() // without a list: every topic
		resp, err := all.RequestWith(within(t, 10*time.Second), n.Broker())
		if err != nil || len(resp.Topics) != len(created) {
			t.Errorf("node %d lists %d topics (%v), want %d", n.ID, len(resp.Topics), err, len(created))
		}
	}
	for _, topic := range created {
		c.WaitInSync(topic)
	}
}

// createAt asks that very node, whoever leads.
func createAt(t *testing.T, n *cluster.Node, topic string, replicas int16) {
	t.Helper()
	one := kmsg.NewCreateTopicsRequestTopic()
	one.Topic, one.NumPartitions, one.ReplicationFactor = topic, 1, replicas
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis, req.Topics = 10_000, append(req.Topics, one)
	resp, err := req.RequestWith(within(t, 15*time.Second), n.Broker())
	if err != nil {
		t.Fatalf("create %s at node %d: %v", topic, n.ID, err)
	}
	if err := kerr.ErrorForCode(resp.Topics[0].ErrorCode); err != nil {
		t.Fatalf("create %s at node %d: %v", topic, n.ID, err)
	}
}

// Nine partitions are spread evenly, and again after a node was away, without an
// operator.
func TestNinePartitionsAreEven(t *testing.T) {
	c := cluster.Start(t, 3)
	c.CreateTopic("nine", 9, 3)
	waitEven(t, c)
	for _, kill := range []bool{false, true} {
		n := c.Node(2)
		if kill {
			n.Kill()
		} else {
			n.Stop()
		}
		c.WaitLeaders("nine")
		n.Restart()
		waitEven(t, c)
	}
}

func waitEven(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	c.WaitTopic("nine", "3/3/3 leaders, 9/9/9 replicas", func(topic kmsg.MetadataResponseTopic) error {
		leaders, replicas, synced := map[int32]int{}, map[int32]int{}, map[int32]int{}
		for _, p := range topic.Partitions {
			leaders[p.Leader]++
			for _, n := range p.Replicas {
				replicas[n]++
			}
			for _, n := range p.ISR {
				synced[n]++
			}
		}
		for _, n := range c.Nodes {
			if leaders[n.ID] != 3 || replicas[n.ID] != 9 || synced[n.ID] != 9 {
				return fmt.Errorf("leaders by node %v, replicas %v, in sync %v", leaders, replicas, synced)
			}
		}
		return nil
	})
}

// One of three killed, the leader of __meta killed: everything goes on.
func TestOneNodeKilled(t *testing.T) {
	c := cluster.Start(t, 3)
	c.CreateTopic("life", 3, 3)
	for _, victim := range []struct {
		name string
		pick func() *cluster.Node
	}{
		{"a node that does not lead __meta", func() *cluster.Node { return c.Node(c.Controller().ID%3 + 1) }},
		{"the leader of __meta", c.Controller},
	} {
		lifeGoesOn(t, c, victim.name, victim.pick())
	}
}

func lifeGoesOn(t *testing.T, c *cluster.Cluster, name string, victim *cluster.Node) {
	t.Helper()
	t.Logf("killed: %s, node %d", name, victim.ID)
	rec := history.NewRecorder()
	topic := fmt.Sprintf("life%d", victim.ID)
	c.CreateTopic(topic, 3, 3)
	producers := load.Start(t, c, rec, load.Config{Topic: topic, Partitions: 3})
	group := load.StartGroup(t, c, rec, load.GroupConfig{Group: topic, Topic: topic, Members: 2})
	unwatch := load.Watch(t, c, rec, topic)
	producers.Wait(100, 30*time.Second)
	group.Wait(100, 30*time.Second)

	victim.Kill()
	replicas := int16(3)
	if c.Flavor() == "kafka" {
		replicas = 2 // it creates no topic on nodes that are down
	}
	for _, n := range c.Running() {
		cluster.Eventually(t, 20*time.Second, "a topic is created", func(context.Context) error {
			return tryCreate(n, fmt.Sprintf("%s.while.down.at%d", topic, n.ID), replicas)
		})
	}
	producers.Wait(200, 40*time.Second)
	group.Wait(200, 60*time.Second)
	group.WaitCommits(2, 60*time.Second)

	victim.Restart()
	c.WaitInSync(topic)
	producers.StopClean(30 * time.Second)
	group.WaitAll(rec, 60*time.Second)
	group.Stop()
	unwatch()
	load.Check(t, c, rec, topic)
}

// tryCreate is createAt while a new leader may not be known yet.
func tryCreate(n *cluster.Node, topic string, replicas int16) error {
	one := kmsg.NewCreateTopicsRequestTopic()
	one.Topic, one.NumPartitions, one.ReplicationFactor = topic, 1, replicas
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis, req.Topics = 5_000, append(req.Topics, one)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	resp, err := req.RequestWith(ctx, n.Broker())
	if err != nil {
		return err
	}
	if err := kerr.ErrorForCode(resp.Topics[0].ErrorCode); err != nil && err != kerr.TopicAlreadyExists {
		return err
	}
	return nil
}
