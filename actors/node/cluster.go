package node

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/api"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/actors/supervisor"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

var _ api.Cluster = (*Node)(nil)

// Runtime implements api.Cluster.
func (n *Node) Runtime() actors.Runtime { return n.here.Runtime }

// Self implements api.Cluster.
func (n *Node) Self() metadata.NodeID { return n.here.ID }

// Image implements api.Cluster.
func (n *Node) Image() *metadata.Image { return n.here.Image() }

// Alive implements api.Cluster.
func (n *Node) Alive(id metadata.NodeID) bool { return n.here.Alive(id) }

// Leadership implements api.Cluster.
func (n *Node) Leadership(s storage.ShardID) api.Leadership {
	l, ok := n.leaders.get(s)
	if !ok || !n.here.Alive(l.node) || l.node == n.here.ID && !n.leads(s, l.epoch) {
		return api.Leadership{}
	}
	return api.Leadership{Known: true, Node: l.node, Epoch: l.epoch, InSync: n.nodesOf(s, l)}
}

// AwaitLeaderships implements api.Cluster.
func (n *Node) AwaitLeaderships(ctx context.Context, ok func() bool) error {
	return n.here.Until(ctx, &n.leaders.news, ok)
}

// leads reports whether this node's replica of a shard leads in an epoch.
func (n *Node) leads(s storage.ShardID, epoch int32) bool {
	ref := n.replicas.get(s)
	if ref == nil {
		return false
	}
	v := ref.View()
	return v.Role == replica.Leader && v.Epoch == epoch
}

// nodesOf returns the nodes whose replicas are in sync and which are up, in the order of the
// partition's replicas.
func (n *Node) nodesOf(s storage.ShardID, l lead) []metadata.NodeID {
	var nodes []metadata.NodeID
	for _, m := range n.here.Members(s) {
		if slices.Contains(l.inSync, m.Replica) && n.here.Alive(m.Node) {
			nodes = append(nodes, m.Node)
		}
	}
	return nodes
}

// MetaLeader implements api.Cluster.
func (n *Node) MetaLeader() metadata.NodeID { return n.here.MetaLeader() }

// Replica implements api.Cluster.
func (n *Node) Replica(s storage.ShardID) *replica.Ref { return n.replicas.get(s) }

// Place implements api.Cluster.
func (n *Node) Place(topic string, partitions, replicationFactor int) ([][]metadata.NodeID, error) {
	return supervisor.Place(n.here.Image(), n.takes, topic, partitions, replicationFactor)
}

// Static implements api.Cluster.
func (n *Node) Static(name string) (string, bool) {
	v, ok := n.config.Settings[name]
	return v, ok
}

// LogLevel implements api.Cluster.
func (n *Node) LogLevel() string {
	if n.config.Level == nil {
		return "info"
	}
	return strings.ToLower(n.config.Level.Level().String())
}

// SetLogLevel implements api.Cluster.
func (n *Node) SetLogLevel(level string) {
	if n.config.Level == nil || n.config.Level.UnmarshalText([]byte(level)) != nil {
		return
	}
	n.here.Log.Warn("the log level was changed by a client", "level", level)
}

// Readers implements api.Cluster.
func (n *Node) Readers(t *metadata.Topic, readers int) ([]metadata.AlterReplicas, error) {
	return supervisor.Readers(n.here.Image(), n.takes, t, readers)
}

// takes reports whether a node is to be given new replicas before others: it is up, stays so, and
// has room.
func (n *Node) takes(id metadata.NodeID) bool { return n.here.Alive(id) && !n.rests(id) }

// AwaitFormed implements api.Cluster.
func (n *Node) AwaitFormed(ctx context.Context) error {
	left := formedWithin - n.here.Now().Sub(n.serving)
	if len(n.here.Image().Unregistered()) == 0 || left <= 0 {
		return nil
	}
	wait, cancel := n.here.Timeout(ctx, left)
	defer cancel()
	err := n.here.Until(wait, &n.here.Imaged, func() bool { return n.here.Image().ClusterID != "" && len(n.here.Image().Unregistered()) == 0 })
	if err != nil && ctx.Err() != nil {
		return protocol.Errorf(kerr.RequestTimedOut, "the cluster is still forming: nodes %v have founded it and are not registered yet", n.here.Image().Unregistered())
	}
	return nil
}

// formedWithin is how long a node that lets clients in waits for the founders of its cluster before
// it has topics created without them; the supervisor gives those the replicas that they should have
// when more nodes come.
const formedWithin = time.Minute

// Setting implements api.Cluster.
func (n *Node) Setting(name string) string { return n.local().Setting(n.here.Image(), name) }

// local is what decides which settings count on this node.
func (n *Node) local() metadata.Local {
	return metadata.Local{Node: n.here.ID, Static: n.config.Settings}
}
