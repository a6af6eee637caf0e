package node

import (
	"context"
	"strings"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/access"
	"github.com/troupe-mq/troupe/actors/api"
	"github.com/troupe-mq/troupe/actors/replica"
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
func (n *Node) Leadership(s storage.ShardID) api.Leadership { return n.leaders.Of(s) }

// AwaitLeaderships implements api.Cluster.
func (n *Node) AwaitLeaderships(ctx context.Context, ok func() bool) error {
	return n.leaders.Await(ctx, ok)
}

// Transfer implements api.Cluster.
func (n *Node) Transfer(ctx context.Context, s storage.ShardID, to metadata.NodeID) error {
	return n.leaders.Transfer(ctx, s, to)
}

// Drain hands every leadership over and keeps them away, so that the node can stop without a gap.
// It returns when none is left that another node could take, or with ctx's error.
func (n *Node) Drain(ctx context.Context) error { return n.leaders.Drain(ctx) }

// MetaLeader implements api.Cluster.
func (n *Node) MetaLeader() metadata.NodeID { return n.here.MetaLeader() }

// Store is what the node has stored, for those who look at it. Only the node writes to it.
func (n *Node) Store() storage.Store { return n.hosting.Store() }

// Replica implements api.Cluster.
func (n *Node) Replica(s storage.ShardID) *replica.Ref { return n.replicas.Get(s) }

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

// Setting implements api.Cluster.
func (n *Node) Setting(name string) string { return n.local().Setting(n.here.Image(), name) }

// local is what decides which settings count on this node.
func (n *Node) local() metadata.Local {
	return metadata.Local{Node: n.here.ID, Static: n.config.Settings}
}

// Access implements api.Cluster: there are no ACLs yet.
func (n *Node) Access() access.Authorizer { return access.Open{} }

// TopicSetting implements api.Cluster.
func (n *Node) TopicSetting(t *metadata.Topic, name string) string {
	return n.local().TopicSetting(n.here.Image(), t, name)
}

// Disk implements api.Cluster.
func (n *Node) Disk(context.Context) api.Disk { return n.upkeep.OnDisk() }
