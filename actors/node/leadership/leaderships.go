package leadership

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/troupe-mq/troupe/actors/api"
	"github.com/troupe-mq/troupe/actors/node/local"
	"github.com/troupe-mq/troupe/actors/node/question"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// Replicas are those that run on this node.
type Replicas interface {
	// Get returns the replica of a shard, nil if none runs here.
	Get(storage.ShardID) *replica.Ref
	// Each calls f with every replica, in the order of shards.
	Each(f func(*replica.Ref))
}

// Space is how full the nodes' disks are.
type Space interface {
	// Low reports whether the disk of a node has too little room for it to lead.
	Low(metadata.NodeID) bool
}

// Leaderships are who leads what, and where leaderships go from this node. Safe for any goroutine.
type Leaderships struct {
	here     *local.Node
	replicas Replicas
	space    Space
	known    *known
	stopping local.NodeSet // peers that said so
	up       upSince
	draining atomic.Bool // this node stops: set once
}

// New makes the room of a node.
func New(here *local.Node, r Replicas, s Space) *Leaderships {
	return &Leaderships{here: here, replicas: r, space: s, known: newKnown(here.ID)}
}

// Answer has the room answer what other nodes ask of it.
func (l *Leaderships) Answer(t *question.Table) {
	leadQuestion.Answered(t, l.leadTold)
	stoppingQuestion.Answered(t, l.stoppingTold)
	transferQuestion.Answered(t, l.handOver)
}

// News fires when something became known of leaderships, and when a link changed.
func (l *Leaderships) News() *local.Signal { return &l.known.news }

// Changed takes the view of a replica on this node.
func (l *Leaderships) Changed(v *replica.View) { l.known.own(v) }

// Forget drops a shard that is no more.
func (l *Leaderships) Forget(s storage.ShardID) { l.known.forget(s) }

// Of tells who leads a shard, if that is known and the leader is up.
func (l *Leaderships) Of(s storage.ShardID) api.Leadership {
	w, ok := l.known.get(s)
	if !ok || !l.here.Alive(w.node) || w.node == l.here.ID && !l.leads(s, w.epoch) {
		return api.Leadership{}
	}
	return api.Leadership{Known: true, Node: w.node, Epoch: w.epoch, InSync: l.NodesOf(s, w.inSync)}
}

// Await waits until ok says so, asking again whenever leaderships became known, or until ctx ends.
func (l *Leaderships) Await(ctx context.Context, ok func() bool) error {
	return l.here.Until(ctx, l.News(), ok)
}

// leads reports whether this node's replica of a shard leads in an epoch.
func (l *Leaderships) leads(s storage.ShardID, epoch int32) bool {
	ref := l.replicas.Get(s)
	if ref == nil {
		return false
	}
	v := ref.View()
	return v.Role == replica.Leader && v.Epoch == epoch
}

// NodesOf returns the nodes of replicas of a shard that are up, in the order of the partition's
// replicas.
func (l *Leaderships) NodesOf(s storage.ShardID, replicas []storage.ReplicaID) []metadata.NodeID {
	var nodes []metadata.NodeID
	for _, m := range l.here.Members(s) {
		if slices.Contains(replicas, m.Replica) && l.here.Alive(m.Node) {
			nodes = append(nodes, m.Node)
		}
	}
	return nodes
}

// InSync reports whether a replica is in sync by the last word of its shard's leader.
func (l *Leaderships) InSync(s storage.ShardID, r storage.ReplicaID) bool {
	w, ok := l.known.get(s)
	return ok && slices.Contains(w.inSync, r)
}

// Draining reports whether this node hands all its leaderships over, to stop.
func (l *Leaderships) Draining() bool { return l.draining.Load() }

// UpFor returns how long a peer has been up, 0 if it is not.
func (l *Leaderships) UpFor(id metadata.NodeID, now time.Time) time.Duration { return l.up.of(id, now) }
