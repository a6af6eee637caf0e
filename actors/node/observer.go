package node

import (
	"context"

	"github.com/troupe-mq/troupe/actors/api"
	"github.com/troupe-mq/troupe/actors/health"
	"github.com/troupe-mq/troupe/actors/node/local"
	"github.com/troupe-mq/troupe/actors/node/observe"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// What those who look at a node are told.
type (
	Observation    = observe.Observation
	Status         = observe.Status
	ReplicaReading = observe.ReplicaReading
	GroupReading   = observe.GroupReading
	LagReading     = observe.LagReading
	Digest         = observe.Digest
)

// MetaTopic is what observers call the shard of the metadata.
const MetaTopic = local.MetaTopic

// ErrNoReplica is returned for a partition that has no replica on this node.
var ErrNoReplica = observe.ErrNoReplica

// Observe gathers an observation. One is made at a time.
func (n *Node) Observe(ctx context.Context) *Observation { return n.observer.Observe(ctx) }

// Status returns how the node is.
func (n *Node) Status() Status { return n.observer.Status() }

// Unready returns why the node should not get new clients now, nil if it should.
func (n *Node) Unready() error { return n.observer.Unready() }

// Health returns how the cluster is, as this node sees it and the others report.
func (n *Node) Health(ctx context.Context) health.Cluster { return n.observer.Health(ctx) }

// MayStop returns what speaks against stopping a node now: nothing if it is safe.
func (n *Node) MayStop(ctx context.Context, id metadata.NodeID) []string {
	return n.observer.MayStop(ctx, id)
}

// Digest computes the digest of a replica on this node. It reads the whole log.
func (n *Node) Digest(topic string, partition int32) (Digest, error) {
	return n.observer.Digest(topic, partition)
}

// Standing implements api.Cluster.
func (n *Node) Standing(ctx context.Context, s storage.ShardID) (api.Standing, error) {
	return n.observer.Standing(ctx, s)
}
