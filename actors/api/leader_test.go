package api

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/actors/server"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// A leader that was deposed follows another one before that one has told it: a client that asks for
// the leader it knew is told what the replica knows.
func TestSuccessorOfADeposedLeader(t *testing.T) {
	p := &metadata.Partition{Replicas: []metadata.Replica{{ID: 11, Node: 1}, {ID: 12, Node: 2}}, Leaving: []metadata.Replica{{ID: 13, Node: 3}}}
	follows := func(leader storage.ReplicaID, epoch int32) *replica.View {
		return &replica.View{Role: replica.Follower, Leader: leader, Epoch: epoch}
	}
	two := Leadership{Known: true, Node: 2, Epoch: 7}
	for name, c := range map[string]struct {
		told  Leadership
		own   *replica.View
		node  metadata.NodeID
		epoch int32
	}{
		"nothing is known":                       {Leadership{}, nil, -1, -1},
		"only what a leader told":                {two, nil, 2, 7},
		"deposed, and nobody told anything yet":  {Leadership{}, follows(12, 8), 2, 8},
		"what is told is of an earlier leader":   {two, follows(11, 8), 1, 8},
		"what is told is newer":                  {two, follows(11, 6), 2, 7},
		"the leader is one that leaves":          {two, follows(13, 8), 3, 8},
		"a vote is going on":                     {two, follows(0, 8), -1, 8},
		"the leader is no member that is known":  {two, follows(99, 8), -1, 8},
		"this replica leads, and told it itself": {Leadership{Known: true, Node: 1, Epoch: 8}, &replica.View{Role: replica.Leader, Leader: 11, Epoch: 8}, 1, 8},
	} {
		if node, epoch := successor(p, c.told, c.own); node != c.node || epoch != c.epoch {
			t.Errorf("%s: node %d in epoch %d, want %d in %d", name, node, epoch, c.node, c.epoch)
		}
	}
}

// deposed is a cluster of whose partition this node, 1, has no replica.
type deposed struct{ *operated }

func (d deposed) Replica(storage.ShardID) *replica.Ref { return nil }
func (d deposed) Self() metadata.NodeID                { return 1 }

// The epoch is told also where the leader cannot be: the client then knows that its own is old.
func TestHintWithoutALeaderToGoTo(t *testing.T) {
	o := &operated{machine: metadata.NewMachine(), leads: map[storage.ShardID]Leadership{300: {Known: true, Node: 2, Epoch: 8}}}
	o.Image().Nodes[2] = &metadata.Node{ID: 2, Listeners: []metadata.Listener{{Name: "PLAINTEXT", Host: "two", Port: 9092}}}
	p := &metadata.Partition{Shard: 300}
	for _, c := range []struct {
		down    []metadata.NodeID
		node    int32
		brokers int
	}{{nil, 2, 1}, {[]metadata.NodeID{2}, -1, 0}} {
		o.down = c.down
		r, part := kmsg.NewPtrProduceResponse(), kmsg.NewProduceResponseTopicPartition()
		r.Version = 10
		call := &Call{Request: &server.Request{Listener: "PLAINTEXT"}, Cluster: deposed{o}}
		(&producing{call: call, response: r}).hint(p, &part)
		if part.CurrentLeader.LeaderID != c.node || part.CurrentLeader.LeaderEpoch != 8 || len(r.Brokers) != c.brokers {
			t.Errorf("with %v down: %+v, brokers %+v", c.down, part.CurrentLeader, r.Brokers)
		}
	}
}
