package hosting

import (
	"github.com/troupe-mq/troupe/actors/journal"
	"github.com/troupe-mq/troupe/actors/node/upkeep"
	"github.com/troupe-mq/troupe/actors/remote"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/raft"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// replicaHost is the node as its replica actors see it.
type replicaHost struct{ hosting *Hosting }

var _ replica.Node = replicaHost{}

// Write implements replica.Node.
func (g replicaHost) Write(w journal.Write) { g.hosting.Journal.Write(w) }

// Send implements replica.Node.
func (g replicaHost) Send(to metadata.NodeID, m remote.Raft) {
	if g.hosting.Space.PeerFull(to) && upkeep.Bulky(m.Shard, m.Message) {
		return // it would be dropped there
	}
	g.hosting.here.Links.Send(to, m)
}

// Pull implements replica.Node.
func (g replicaHost) Pull(to metadata.NodeID, p *raft.Pull) {
	g.hosting.here.Links.Tell(to, TellPull, p.Encode())
}

// Flush implements replica.Node.
func (g replicaHost) Flush() { g.hosting.here.Links.Flush() }

// Changed implements replica.Node.
func (g replicaHost) Changed(v *replica.View) { g.hosting.Leaders.Changed(v) }

// Restored implements replica.Node.
func (g replicaHost) Restored(s storage.ShardID, r storage.ReplicaID, index uint64) {
	g.hosting.here.Log.Info("a replica caught up by a snapshot and the log that goes with it", "shard", s, "replica", r, "index", index)
	g.hosting.restored.Add(1)
}

// Quarantine implements replica.Node.
func (g replicaHost) Quarantine(s storage.ShardID, r storage.ReplicaID, cause error) {
	g.hosting.here.Log.Error("a replica is quarantined: it neither votes nor serves any more", "shard", s, "replica", r, "error", cause)
	g.hosting.Journal.Write(journal.Write{
		// a restart must not make it forget that
		Append: storage.Append{State: storage.State{Shard: s, Replica: r}, Distrust: true},
		// it was never there
		Refused: func(error) {},
		Done: func() {
			if s == metadata.MetaShard {
				g.hosting.here.Fail(cause)
			}
		},
	})
	if p := g.hosting.here.Image().Shard(s); p != nil && s != metadata.MetaShard {
		g.hosting.lose(metadata.Placed{Partition: p, Replica: metadata.Replica{ID: r}}, cause)
	}
}
