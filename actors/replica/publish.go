package replica

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft"
	"github.com/troupe-mq/troupe/storage"
)

// publish makes a new View current if readers would see a difference.
func (a *Actor) publish() {
	if a.replica.Restoring() {
		return // what the machine speaks of cannot be read yet
	}
	a.next = View{
		Shard:   a.ref.Shard,
		Replica: a.ref.Replica,
		Role:    a.shownRole(),
		Leader:  a.status.Leader,
		Epoch:   int32(a.status.Term),
		InSync:  a.shownInSync(),
		Readers: a.shownReaders(),
		Conf:    a.replica.Members(),
		views:   &a.ref.views,
		reader:  reader{first: a.replica.Start().Index + 1},
	}
	a.content.view(&a.next)
	a.ref.end.Store(a.next.logEnd)
	last := a.ref.View()
	if last != nil && same(last, &a.next) {
		return
	}
	published := a.next // after most turns there is nothing new: only what is published is allocated
	a.ref.publish(&published)
	a.node.Changed(&published)
}

// shownRole hides a leadership until an entry of its own term is applied: before, the high
// watermark may lie below one that consumers have seen.
func (a *Actor) shownRole() Role {
	switch {
	case a.status.Established:
		return Leader
	case a.status.Role == raft.Leader || a.status.Role == raft.Candidate:
		return Candidate
	case a.status.Role == raft.Learner:
		return Learner
	}
	return Follower
}

func (a *Actor) shownInSync() []storage.ReplicaID {
	if a.status.Established {
		return a.inSync
	}
	return nil
}

func (a *Actor) shownReaders() []storage.ReplicaID {
	if a.status.Established {
		return a.replica.Near()
	}
	return nil
}

func same(a, b *View) bool {
	return a.Role == b.Role && a.Leader == b.Leader && a.Epoch == b.Epoch &&
		a.LogStart == b.LogStart && a.HighWatermark == b.HighWatermark && a.LastStable == b.LastStable &&
		a.applied == b.applied && a.Conf == b.Conf && slices.Equal(a.InSync, b.InSync) && slices.Equal(a.Readers, b.Readers)
}

func notLeader(leader storage.ReplicaID) *protocol.Error {
	if leader == 0 {
		return protocol.Errorf(kerr.NotLeaderForPartition, "this node does not lead the partition and knows no leader yet")
	}
	return protocol.Errorf(kerr.NotLeaderForPartition, "this node does not lead the partition, replica %d does", leader)
}

func errQuarantined(cause error) *protocol.Error {
	return protocol.Errorf(kerr.KafkaStorageError, "this replica is quarantined: %v", cause)
}
