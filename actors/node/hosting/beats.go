package hosting

import (
	"github.com/troupe-mq/troupe/actors/remote"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// beats gathers what idle replicas say, to send it to each node at once.
type beats struct {
	to   []beatsTo
	room int // for so many to a node
}

type beatsTo struct {
	node metadata.NodeID
	all  []remote.Raft
}

// add adds what a shard's replica says.
func (b *beats) add(s storage.ShardID, said replica.Said) {
	i := 0
	for i < len(b.to) && b.to[i].node != said.To {
		i++
	}
	if i == len(b.to) {
		b.to = append(b.to, beatsTo{said.To, make([]remote.Raft, 0, b.room)})
	}
	b.to[i].all = append(b.to[i].all, remote.Raft{Shard: s, Message: said.Message, Wire: said.Wire})
}

// send sends it, and returns how many were the most to one node.
func (b *beats) send(links remote.Links) (most int) {
	for _, to := range b.to {
		links.SendAll(to.node, to.all)
		most = max(most, len(to.all))
	}
	return most
}
