package node

import (
	"context"

	"github.com/troupe-mq/troupe/actors/node/operate"
	"github.com/troupe-mq/troupe/actors/recovery"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// What operators are told.
type (
	ClusterStatus = operate.ClusterStatus
	Replacement   = operate.Replacement
	ReplicaStatus = operate.ReplicaStatus
)

// Submit implements api.Cluster.
func (n *Node) Submit(ctx context.Context, c metadata.Command) (metadata.Result, error) {
	return n.operator.Submit(ctx, c)
}

// Place implements api.Cluster.
func (n *Node) Place(topic string, partitions, replicationFactor int) ([][]metadata.NodeID, error) {
	return n.operator.Place(topic, partitions, replicationFactor)
}

// Readers implements api.Cluster.
func (n *Node) Readers(t *metadata.Topic, readers int) ([]metadata.AlterReplicas, error) {
	return n.operator.Readers(t, readers)
}

// Cluster returns the cluster's status as the supervisor sees it, wherever that is.
func (n *Node) Cluster(ctx context.Context) (ClusterStatus, error) { return n.operator.Cluster(ctx) }

// Administer gives __meta one of the operator's commands. A refusal says what to do.
func (n *Node) Administer(ctx context.Context, c metadata.Command) error {
	return n.operator.Administer(ctx, c)
}

// Maintain puts a node into maintenance, or takes it out.
func (n *Node) Maintain(ctx context.Context, id metadata.NodeID, on bool) error {
	return n.operator.Maintain(ctx, id, on)
}

// Replacing says what would come of declaring the disk of a node lost. Nothing is changed.
func (n *Node) Replacing(id metadata.NodeID) (Replacement, error) { return n.operator.Replacing(id) }

// SetReaders gives every partition of a topic so many read-only replicas.
func (n *Node) SetReaders(ctx context.Context, topic string, readers int) error {
	return n.operator.SetReaders(ctx, topic, readers)
}

// Promote has the read-only replica of a partition on a node vote, besides those that do.
func (n *Node) Promote(ctx context.Context, topic string, partition int32, node metadata.NodeID) error {
	return n.operator.Promote(ctx, topic, partition, node)
}

// Topic returns how the replicas of a topic's partitions are, in order of partition and preference.
func (n *Node) Topic(ctx context.Context, topic string) ([]ReplicaStatus, error) {
	return n.operator.Topic(ctx, topic)
}

// PlanRecovery returns how the cluster would go on if the given nodes were lost for good.
func (n *Node) PlanRecovery(ctx context.Context, lost []metadata.NodeID) (recovery.Plan, error) {
	return n.operator.PlanRecovery(ctx, lost)
}

// Recover carries a plan out, if it is still the one that the operator saw.
func (n *Node) Recover(ctx context.Context, lost []metadata.NodeID, id string) (recovery.Plan, error) {
	return n.operator.Recover(ctx, lost, id)
}
