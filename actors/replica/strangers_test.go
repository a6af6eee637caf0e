package replica

import (
	"testing"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// A node that was away while all others of a shard were replaced is answered to by replicas that it
// has never heard of: it can only catch up if it answers them.
func TestStrangersAreAnswered(t *testing.T) {
	a := &Actor{ref: &Ref{}, members: Members{{Replica: 1, Node: 10}, {Replica: 2, Node: 20}}}
	heard := func(from uint64, node metadata.NodeID) {
		a.meet(&Step{From: node, Message: &raftpb.Message{From: &from}})
	}
	want := func(r storage.ReplicaID, node metadata.NodeID) {
		t.Helper()
		if got := a.nodeOf(r); got != node {
			t.Errorf("replica %d is on node %d, want %d", r, got, node)
		}
	}
	want(7, nobody)
	heard(7, 30)
	heard(1, 99) // where a member is the metadata know
	want(7, 30)
	want(1, 10)
	heard(7, 40) // it is elsewhere by now
	want(7, 40)
	a.moved(&Moved{Members: Members{{Replica: 7, Node: 50}}})
	want(7, 50)
	want(1, nobody)
}
