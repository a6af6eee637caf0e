package local

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/health"
	"github.com/troupe-mq/troupe/actors/remote"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// Options are what a Node is made of.
type Options struct {
	ID      metadata.NodeID
	Runtime actors.Runtime
	Log     *slog.Logger
	Links   remote.Links // may be set later, before anything runs
	// Peers are the founders of the cluster by the configuration.
	Peers map[metadata.NodeID]remote.Address
	// Fatal is told that the node is broken; see Break.
	Fatal func(error)
}

// Node is this node as its rooms share it. Its methods are safe for any goroutine.
type Node struct {
	actors.Runtime
	ID    metadata.NodeID
	Log   *slog.Logger
	Links remote.Links
	Began time.Time // the origin of what is done at regular times
	// Configured are the founders of the cluster by the configuration. Not to be changed.
	Configured map[metadata.NodeID]remote.Address
	// Context ends, and Stopping is closed, when the node begins to stop.
	Context  context.Context
	Stopping <-chan struct{}
	// Broken is closed after Break.
	Broken <-chan struct{}

	Imaged Signal // fires after every new image
	Linked Signal // fires after every change of a link

	image    atomic.Pointer[metadata.Image] // never nil
	identity atomic.Pointer[storage.Node]   // nil until the disk was read
	meta     atomic.Pointer[replica.Ref]    // of __meta, nil until it is opened
	fatal    func(error)
	stop     func()
	breaks   func() // closes Broken and stops
	running  tasks
}

// New makes a node that runs nothing yet.
func New(o Options) *Node {
	stopping := make(chan struct{})
	broken := make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	n := &Node{
		Runtime: o.Runtime, ID: o.ID, Log: o.Log, Links: o.Links, Began: o.Runtime.Now(), Configured: o.Peers,
		Context: ctx, Stopping: stopping, Broken: broken, fatal: o.Fatal,
		stop: sync.OnceFunc(func() { close(stopping); cancel() }),
	}
	n.breaks = sync.OnceFunc(func() { close(broken); n.stop() })
	n.image.Store(metadata.NewMachine().Image())
	return n
}

// Image is the newest metadata that this node applied; never nil.
func (n *Node) Image() *metadata.Image { return n.image.Load() }

// SetImage takes a new image.
func (n *Node) SetImage(i *metadata.Image) {
	n.image.Store(i)
	n.Imaged.Fire()
}

// Identity is the node's record as it is on disk. Not to be changed.
func (n *Node) Identity() *storage.Node { return n.identity.Load() }

// SetIdentity takes a new record, which is on disk.
func (n *Node) SetIdentity(id *storage.Node) { n.identity.Store(id) }

// Meta is this node's replica of the metadata, nil if it is not open yet.
func (n *Node) Meta() *replica.Ref { return n.meta.Load() }

// SetMeta takes the replica of the metadata.
func (n *Node) SetMeta(ref *replica.Ref) { n.meta.Store(ref) }

// LeadsMeta reports whether this node leads the metadata.
func (n *Node) LeadsMeta() bool {
	meta := n.Meta()
	return meta != nil && meta.View().Role == replica.Leader
}

// MetaLeader is the node that leads the metadata, -1 if none is known that is up.
func (n *Node) MetaLeader() metadata.NodeID {
	meta := n.Meta()
	if meta == nil {
		return -1
	}
	leader := meta.View().Leader
	for _, m := range meta.Members() {
		if m.Replica == leader && n.Alive(m.Node) {
			return m.Node
		}
	}
	return -1
}

// Alive reports whether a node is up as far as this one knows. This one is always.
func (n *Node) Alive(id metadata.NodeID) bool { return id == n.ID || n.Links.Up(id) }

// ConfiguredPeers are the other founders by the configuration, in order.
func (n *Node) ConfiguredPeers() []metadata.NodeID {
	var peers []metadata.NodeID
	for _, id := range slices.Sorted(maps.Keys(n.Configured)) {
		if id != n.ID {
			peers = append(peers, id)
		}
	}
	return peers
}

// Peers are all other nodes of the cluster.
func (n *Node) Peers() []metadata.NodeID {
	i := n.Image()
	peers := slices.DeleteFunc(n.ConfiguredPeers(), func(id metadata.NodeID) bool { return i.Nodes[id] == nil && len(i.Gone[id]) > 0 })
	for _, id := range slices.Sorted(maps.Keys(i.Nodes)) {
		if id != n.ID && !slices.Contains(peers, id) {
			peers = append(peers, id)
		}
	}
	return peers
}

// Members are the replicas of a shard, nil if it is not known.
func (n *Node) Members(s storage.ShardID) replica.Members {
	if p := n.Image().Shard(s); p != nil {
		return replica.Of(p)
	}
	if s == metadata.MetaShard {
		return MetaMembers(n.Identity().Founders)
	}
	return nil
}

// MetaMembers returns the replicas of __meta that the founders have: voters first, each in order of
// node.
func MetaMembers(founders map[metadata.NodeID]uint64) replica.Members {
	var members replica.Members
	for _, n := range slices.Sorted(maps.Keys(founders)) {
		members = append(members, replica.Member{Replica: metadata.MetaReplica(n), Node: n})
	}
	return members
}

// MetaTopic is what observers call the shard of the metadata.
const MetaTopic = "__meta"

// NameOf is what people call a shard, empty if it is not known.
func (n *Node) NameOf(s storage.ShardID) string {
	p := n.Image().Shard(s)
	switch {
	case s == metadata.MetaShard:
		return MetaTopic
	case s == 0 || p == nil:
		return ""
	}
	return health.Name(p)
}
