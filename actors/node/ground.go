package node

import (
	"github.com/troupe-mq/troupe/actors/journal"
	"github.com/troupe-mq/troupe/actors/node/upkeep"
	"github.com/troupe-mq/troupe/actors/remote"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/raft"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// ground is the node as its replica actors see it.
type ground struct{ n *Node }

var _ replica.Node = ground{}

// Write implements replica.Node.
func (g ground) Write(w journal.Write) { g.n.journal.Write(w) }

// Send implements replica.Node.
func (g ground) Send(to metadata.NodeID, m remote.Raft) {
	if g.n.space.PeerFull(to) && upkeep.Bulky(m.Shard, m.Message) {
		return // it would be dropped there
	}
	g.n.here.Links.Send(to, m)
}

// Pull implements replica.Node.
func (g ground) Pull(to metadata.NodeID, p *raft.Pull) { g.n.here.Links.Tell(to, tellPull, p.Encode()) }

// Flush implements replica.Node.
func (g ground) Flush() { g.n.here.Links.Flush() }

// Changed implements replica.Node.
func (g ground) Changed(v *replica.View) { g.n.leaders.Changed(v) }

// Restored implements replica.Node.
func (g ground) Restored(s storage.ShardID, r storage.ReplicaID, index uint64) {
	g.n.here.Log.Info("a replica caught up by a snapshot and the log that goes with it", "shard", s, "replica", r, "index", index)
	g.n.restored.Add(1)
}

// Quarantine implements replica.Node.
func (g ground) Quarantine(s storage.ShardID, r storage.ReplicaID, cause error) {
	g.n.here.Log.Error("a replica is quarantined: it neither votes nor serves any more", "shard", s, "replica", r, "error", cause)
	g.n.journal.Write(journal.Write{
		// a restart must not make it forget that
		Append: storage.Append{State: storage.State{Shard: s, Replica: r}, Distrust: true},
		// it was never there
		Refused: func(error) {},
		Done: func() {
			if s == metadata.MetaShard {
				g.n.here.Fail(cause)
			}
		},
	})
	if p := g.n.here.Image().Shard(s); p != nil && s != metadata.MetaShard {
		g.n.lose(metadata.Placed{Partition: p, Replica: metadata.Replica{ID: r}}, cause)
	}
}
