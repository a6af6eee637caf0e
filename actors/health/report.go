package health

import (
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// Report is what a node tells of itself. JSON between nodes.
type Report struct {
	Node     metadata.NodeID
	Version  string
	Draining bool // it hands its leaderships over, in order to stop
	Replicas int  // that run, __meta's included
	Leaders  int  // of them
	DiskUsed int64
	DiskFree int64 // 0 if unknown

	Quarantined []Quarantined // replicas out of service
	SetAside    []SetAside    // damaged stores that the node has put aside
	// members of shards that the node leads which lack something for longer than SlowAfter, or are not
	// heard of
	Behind []Behind
	Waits  []Wait // what waits longer than SlowAfter
	// of shards that the node leads and whose members change
	Members []Members `json:",omitempty"`
}

// Members are the nodes of those that vote in a shard, in one set or, while members are exchanged,
// in two; -1 for a replica that the metadata does not know any more.
type Members struct {
	Shard storage.ShardID
	Sets  [][]metadata.NodeID
}

// Quarantined is a replica that is out of service, and why.
type Quarantined struct {
	Shard   storage.ShardID
	Replica storage.ReplicaID
	Cause   string
}

// SetAside is a damaged store of which nothing is used any more.
type SetAside struct {
	Dir   string
	Bytes int64
	Cause string
	MS    int64 // since when
}

// Behind is a member that does not have the whole log of its shard.
type Behind struct {
	Shard   storage.ShardID
	Replica storage.ReplicaID
	Node    metadata.NodeID
	Learner bool
	InReach bool   // heard of lately
	Entries uint64 // that it is not known to have
	MS      int64  // for how long the oldest of them has been in the log
}

// Wait is something that does not go on, and in which phase it is.
type Wait struct {
	Shard   storage.ShardID
	Replica storage.ReplicaID
	Phase   Phase
	MS      int64  // since when
	Detail  string // whom or what for
}

// Phase is what a replica, or a node, waits in.
type Phase string

// The phases.
const (
	Electing Phase = "electing"           // no leader, although a majority could elect one
	NoQuorum Phase = "waiting for quorum" // too few of its voters are up
	// elected, and the first entry of its term is not committed yet
	Beginning  Phase = "beginning to lead"
	Syncing    Phase = "syncing"     // the disk does not answer
	CatchingUp Phase = "catching up" // a member lacks entries
)

// SlowAfter is how many ms a wait lasts before it is named.
const SlowAfter = 5_000
