package api

import (
	"context"
	"time"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/access"
	"github.com/troupe-mq/troupe/actors/ledger"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// Leadership is what a node knows of who leads a shard: gossip from the leader itself, so it may be
// late but never invented.
type Leadership struct {
	Known  bool
	Node   metadata.NodeID
	Epoch  int32
	InSync []metadata.NodeID // ISR, in the order of the partition's replicas; never empty when Known
}

// Cluster is what the API handlers see of the node they run on. Safe for any number of goroutines.
type Cluster interface {
	// Runtime is what handlers wait by.
	Runtime() actors.Runtime
	// Self is this node's id.
	Self() metadata.NodeID
	// Access says who may do what, as of the newest metadata.
	Access() access.Authorizer
	// Image is the newest metadata this node applied; never nil.
	Image() *metadata.Image
	// Alive reports whether this node believes that node n is up. Self is always alive.
	Alive(n metadata.NodeID) bool
	// Leadership tells who leads a shard.
	Leadership(s storage.ShardID) Leadership
	// AwaitLeaderships waits until ok says so, asking again whenever leaderships became known, or
	// until ctx ends.
	AwaitLeaderships(ctx context.Context, ok func() bool) error
	// MetaLeader is the node that leads __meta, -1 if unknown (Kafka's controller).
	MetaLeader() metadata.NodeID
	// Replica is the shard's replica on this node, nil if there is none.
	Replica(s storage.ShardID) *replica.Ref
	// Submit has a command committed by __meta, from whichever node it is called on, and returns its
	// result once this node's Image contains it. A refused command is a *protocol.Error in Result.Err;
	// err is for commands whose fate is unknown (REQUEST_TIMED_OUT, COORDINATOR_NOT_AVAILABLE).
	Submit(ctx context.Context, c metadata.Command) (metadata.Result, error)
	// Place chooses nodes for the replicas of n new partitions of a topic: partition by partition the
	// nodes, preferred leader first. INVALID_REPLICATION_FACTOR if there are not enough nodes.
	Place(topic string, n, replicationFactor int) ([][]metadata.NodeID, error)
	// Readers chooses where the read-only replicas of a topic's partitions are to be, n of each, and
	// returns the changes that takes.
	Readers(t *metadata.Topic, n int) ([]metadata.AlterReplicas, error)
	// AwaitFormed waits until the nodes that found the cluster are registered, or have been waited for
	// long enough, so that topics get the replicas that they should have. REQUEST_TIMED_OUT if ctx
	// ends first.
	AwaitFormed(ctx context.Context) error
	// MostReplicas is how many replicas of partitions a node may hold on average for new ones to be
	// created: what its memory is meant for.
	MostReplicas() int
	// Ledger is where the node counts what is in flight.
	Ledger() *ledger.Ledger
	// SessionBytes is the most memory for fetch sessions; four times as much is for fetches under way.
	SessionBytes() int64
	// Transfer has the replica on a node lead a shard: it is asked of the leader wherever that is, and
	// waited for until ctx ends or a bound of its own.
	Transfer(ctx context.Context, s storage.ShardID, to metadata.NodeID) error
	// Standing asks the leader of a shard how the shard's members stand.
	Standing(ctx context.Context, s storage.ShardID) (Standing, error)
	// Disk tells what is on this node's data directory.
	Disk(ctx context.Context) Disk
	// Settings are Kafka's own broker settings on this node by Kafka's names
	// (auto.create.topics.enable, num.partitions, …): static ones overlaid by the dynamic ones in the
	// Image.
	Setting(name string) string
	// Static is what this node was started with for a broker setting; false if nothing was said.
	Static(name string) (string, bool)
	// LogLevel is the least level that this node logs: debug, info, warn or error.
	LogLevel() string
	// SetLogLevel changes it until the process ends.
	SetLogLevel(level string)
	// TopicSetting is the value of a topic's setting that counts on this node: the topic's own, else
	// that of the broker setting which is its default.
	TopicSetting(t *metadata.Topic, name string) string
}

// Standing is how the members of a shard stand, as its leader knows it. JSON between nodes.
type Standing struct {
	Leader  metadata.NodeID
	Epoch   int32
	Commit  uint64
	Members []MemberStanding // the leader first
}

// MemberStanding is how one of them stands.
type MemberStanding struct {
	Replica storage.ReplicaID
	Node    metadata.NodeID // -1 if unknown
	Learner bool
	InReach bool          // heard of lately
	Match   uint64        // entries that it is known to have
	Lag     uint64        // entries that it is not known to have
	Behind  time.Duration // for how long the oldest of them has been in the log
}

// Disk is what a node's data directory holds, in bytes.
type Disk struct {
	Dir         string
	Total, Free int64           // of the file system; -1 if unknown
	Replicas    []ReplicaOnDisk // in order of topic and partition
}

// ReplicaOnDisk is what is kept of a partition.
type ReplicaOnDisk struct {
	Topic     string
	Partition int32
	Bytes     int64 // of the record batches kept, about
}
