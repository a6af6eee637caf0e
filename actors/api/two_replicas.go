package api

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// withTwo is what whoever makes a topic with two replicas is told, in the answer where it has room
// and in the log.
const withTwo = "a partition with 2 replicas stops while one of their two nodes is down, since a majority of 2 is 2: it keeps two copies and is " +
	"no more available than with 1. Use 3 replicas to go on without one node"

// warnOfTwo tells the operator of a topic with two replicas and returns what its maker is told
// beside that all is well; nil for others. It is no error: clients look at the code first.
func (c *Call) warnOfTwo(topic string, replicas int) *string {
	if replicas != 2 {
		return nil
	}
	c.log.Warn("a topic has two replicas a partition: it stops while one of their two nodes is down", "topic", topic, "client", c.Client, "client_id", c.ClientID)
	text := "Warning: " + withTwo + "."
	return &text
}

// createAgain creates the planned topic. If a node that was chosen for it may have no replica any
// more, it is planned once more.
func (n *newTopic) createAgain(ctx context.Context, c Cluster) (metadata.TopicID, error) {
	id, err := n.create(ctx, c)
	if !n.chosen || protocol.Code(err) != kerr.InvalidReplicaAssignment.Code {
		return id, err
	}
	n.placement = nil
	if err := n.plan(c); err != nil {
		return id, err
	}
	return n.create(ctx, c)
}
