package hosting

import (
	"github.com/troupe-mq/troupe/actors/node/upkeep"
	"github.com/troupe-mq/troupe/actors/remote"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/actors/space"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// What nodes tell each other of their logs.
const (
	TellPull  = "pull"  // a raft.Pull
	TellChunk = "chunk" // a raft.Chunk
)

// HandOut gives the messages of a node to the replicas here.
func (hs *Hosting) HandOut(from metadata.NodeID, messages []remote.Raft) {
	full := hs.Space.Own() == space.Full || hs.Crowded()
	running, answers := hs.replicas.now(), beats{room: len(messages)}
	for i := range messages {
		m := &messages[i]
		if full && upkeep.Bulky(m.Shard, m.Message) {
			continue // as if it were lost: the leader sends it again
		}
		h := running.byShard[m.Shard]
		if h == nil {
			continue
		}
		answer, ok := h.ref.Hear(m)
		if !ok && m.Message == nil {
			if err := m.Decode(); err != nil {
				hs.here.Log.Warn("a message of a peer was dropped", "peer", from, "partition", hs.here.NameOf(m.Shard), "error", err)
				continue
			}
			answer, ok = h.ref.Hear(m)
		}
		switch {
		case !ok:
			h.ref.Send(replica.StepOf(from, *m))
		case answer.Message != nil:
			answers.add(m.Shard, answer)
		}
	}
	answers.send(hs.here.Links)
	hs.here.Links.Flush()
}

// Unreachable tells a replica here that another one was not reached.
func (hs *Hosting) Unreachable(s storage.ShardID, to storage.ReplicaID) {
	if ref := hs.replicas.Get(s); ref != nil {
		ref.Send(&replica.Unreachable{To: to})
	}
}

// Down tells the replicas here that a node is down.
func (hs *Hosting) Down(peer metadata.NodeID) {
	hs.replicas.Each(func(ref *replica.Ref) { ref.Send(&replica.Down{Node: peer}) })
}
