package metadata

import "github.com/troupe-mq/troupe/storage"

// NodeID is a broker's id as Kafka's clients see it. Chosen by the operator, >= 0.
type NodeID = int32

// TopicID is a topic's UUID. The zero value is no topic.
type TopicID [16]byte

// MetaShard is the shard of the metadata itself; its founding replica on node n has the id
// MetaReplica(n).
const MetaShard storage.ShardID = 1

// MetaReplica returns the id of node n's founding replica of MetaShard.
func MetaReplica(n NodeID) storage.ReplicaID { return storage.ReplicaID(n) + 1 }

// FirstShard and FirstReplica are where allocation starts: ids below are the founders' of
// MetaShard.
const (
	FirstShard   storage.ShardID   = 1 << 8
	FirstReplica storage.ReplicaID = 1 << 32
)

// Names of the topics that Troupe keeps for itself, as Kafka names them.
const (
	ConsumerOffsets  = "__consumer_offsets"
	TransactionState = "__transaction_state"
)

// Image is the cluster's metadata as of one applied entry. It is immutable: applying a command
// makes another one that shares what did not change. Readers get it by pointer and need no lock.
type Image struct {
	Index     uint64 // the last entry of __meta contained
	ClusterID string // Kafka's cluster id: 22 characters of base64; empty before the first command

	Nodes  map[NodeID]*Node
	Topics map[string]*Topic
	ByID   map[TopicID]*Topic
	Shards map[storage.ShardID]ShardRef // where each shard belongs

	// Meta is MetaShard itself, with a replica on every node; nil before the cluster has formed.
	Meta *Partition
	// Gone are the incarnations of nodes that were removed or lost their disk, by node: none of them
	// comes back.
	Gone map[NodeID][]uint64

	// NodeConfigs holds dynamic broker configs by node; the entry for DefaultNode is the cluster-wide
	// default.
	NodeConfigs map[NodeID]map[string]string

	// Levels are the features' levels that were set (see Feature), as of entry LevelsAt of __meta.
	Levels   map[string]int16
	LevelsAt uint64

	// Recoveries are the times when the operator gave up majorities, the first one first.
	Recoveries []Recovery

	NextShard      storage.ShardID
	NextReplica    storage.ReplicaID
	NextProducerID int64

	Unknown Unknown `json:"-"`

	// What follows on one node: its settings, those of topics without any of their own, and what
	// decides which count. Not part of what nodes agree on.
	local    Local
	broker   *BrokerSettings
	defaults *TopicSettings
}

// DefaultNode stands for all nodes in NodeConfigs.
const DefaultNode NodeID = -1

// Node is a registered member of the cluster.
type Node struct {
	ID          NodeID
	Incarnation uint64 // of its disk (storage.Node); replicas placed on another incarnation are lost
	Rack        string
	Listeners   []Listener // advertised, the first is the default
	Control     string     // host:port of the control remote
	Bulk        string     // host:port of the bulk remote
	Version     string     // build version

	// that its build supports; nil is those of the first builds
	Features map[string]Levels `json:",omitempty"`

	// the operator's; what the node says of itself does not change it
	State NodeState `json:",omitempty"`

	//lint:ignore U1000 a test of mixed clusters builds one that has fields (next_on.go)
	nextFields
	Unknown Unknown `json:"-"`
}

// Listener is an advertised Kafka endpoint.
type Listener struct {
	Name string // e.g. PLAINTEXT; a client is told the endpoint of the listener it came in by
	Host string
	Port int32

	Unknown Unknown `json:"-"`
}

// Topic is a topic; its partitions are numbered by position.
type Topic struct {
	Name       string
	ID         TopicID
	Internal   bool
	Partitions []*Partition
	Configs    map[string]string // only what was set; defaults are in TopicConfigs

	Unknown Unknown `json:"-"`

	settings *TopicSettings // what follows from Configs on one node; see Settings
}

// Partition is one partition: a shard and its members.
type Partition struct {
	Topic   string
	TopicID TopicID
	Index   int32
	Shard   storage.ShardID
	// Founders are the replicas the shard began with, all voters: what each of them founds its log
	// with, however late.
	Founders []storage.ReplicaID
	// Replicas as they shall be, in the order of preference: the first is the preferred leader. At
	// most one a node.
	Replicas []Replica
	// Leaving are members that go. They stay, and vote, until the shard is seen to be without them.
	Leaving []Replica `json:",omitempty"`
	// Wanted is how many voters the partition should have, more than Replicas if there were too few
	// nodes when it was made; 0 is what it has.
	Wanted int `json:",omitempty"`
	// Version is the entry of __meta that changed Replicas or Leaving last, other than by what was
	// seen of the shard.
	Version uint64
	// Settled is the index of the shard's log as of which its members were seen last; what was seen
	// earlier does not count any more.
	Settled uint64 `json:",omitempty"`

	Unknown Unknown `json:"-"`
}

// ShardRef says which partition a shard is.
type ShardRef struct {
	Topic     string
	Partition int32
}

// Partition returns a partition by topic name and number, nil if there is none.
func (i *Image) Partition(topic string, partition int32) *Partition {
	t := i.Topics[topic]
	if t == nil || partition < 0 || int(partition) >= len(t.Partitions) {
		return nil
	}
	return t.Partitions[partition]
}

// Shard returns the partition that is the given shard, nil if there is none.
func (i *Image) Shard(s storage.ShardID) *Partition {
	if s == MetaShard {
		return i.Meta
	}
	ref, ok := i.Shards[s]
	if !ok {
		return nil
	}
	return i.Partition(ref.Topic, ref.Partition)
}
