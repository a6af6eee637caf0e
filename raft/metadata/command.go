package metadata

import (
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/storage"
)

// Command is one change of the metadata: exactly one field is set. It travels and is stored as JSON
// behind one byte of kind (see Encode), so that a field a newer version adds does not stop an older
// one from reading the log.
type Command struct {
	FormCluster         *FormCluster         `json:",omitempty"`
	RegisterNode        *RegisterNode        `json:",omitempty"`
	CreateTopic         *CreateTopic         `json:",omitempty"`
	DeleteTopic         *DeleteTopic         `json:",omitempty"`
	CreatePartitions    *CreatePartitions    `json:",omitempty"`
	AlterConfigs        *AlterConfigs        `json:",omitempty"`
	AllocateProducerIDs *AllocateProducerIDs `json:",omitempty"`
	AlterReplicas       *AlterReplicas       `json:",omitempty"`
	SettleMembers       *SettleMembers       `json:",omitempty"`
	ReplaceReplica      *ReplaceReplica      `json:",omitempty"`
	RestNode            *RestNode            `json:",omitempty"`
	DrainNode           *DrainNode           `json:",omitempty"`
	ReplaceNode         *ReplaceNode         `json:",omitempty"`
	RemoveNode          *RemoveNode          `json:",omitempty"`
	UpdateFeatures      *UpdateFeatures      `json:",omitempty"`
	RecordRecovery      *RecordRecovery      `json:",omitempty"`

	// what it was decoded from, nil if it was made here; a command is not changed after it was decoded
	raw []byte
}

// FormCluster gives the cluster its id and enters the founders of __meta; only the first one has an
// effect.
type FormCluster struct {
	ClusterID string
	Founders  map[NodeID]uint64 // incarnation by node
	// Levels are what the cluster's features begin at; a feature that is not named begins at its
	// smallest level.
	Levels map[string]int16 `json:",omitempty"`
}

// RegisterNode adds a node, or replaces what one says of itself. A new node is given a replica of
// __meta. A node id is its first incarnation's until the node is removed or its disk is declared
// lost: another one is refused with DUPLICATE_BROKER_REGISTRATION. An incarnation that is gone is
// always refused.
type RegisterNode struct{ Node Node }

// CreateTopic creates a topic with partitions placed by the caller; shard and replica ids are
// allocated on apply.
type CreateTopic struct {
	Name      string
	ID        TopicID
	Internal  bool
	Placement [][]NodeID // partition by partition, preferred leader first
	// voters that each partition should have, if there are too few nodes for them yet; 0 is what is
	// placed
	Wanted  int `json:",omitempty"`
	Configs map[string]string
}

// DeleteTopic deletes a topic by id.
type DeleteTopic struct{ ID TopicID }

// CreatePartitions adds partitions; refused if the topic does not have exactly From partitions at
// the time.
type CreatePartitions struct {
	ID        TopicID
	From      int
	Placement [][]NodeID
	Wanted    int `json:",omitempty"` // as in CreateTopic
}

// AlterConfigs changes the configs of one topic or one node. The values are already checked; a nil
// value removes the setting.
type AlterConfigs struct {
	Topic *TopicID `json:",omitempty"` // or
	Node  *NodeID  `json:",omitempty"` // DefaultNode for all
	Set   map[string]*string
	// Replace drops every setting that Set does not name (AlterConfigs); otherwise the others stay
	// (IncrementalAlterConfigs).
	Replace bool
}

// AllocateProducerIDs hands out Count producer ids that were never handed out before. It can also
// leave out ids of shards and replicas, as a recovery does: what the lost nodes were given is not
// known any more, and must not be given out again (see Skip).
type AllocateProducerIDs struct {
	Count        int64
	SkipShards   storage.ShardID   `json:",omitempty"` // from level 2 of ClusterVersion on
	SkipReplicas storage.ReplicaID `json:",omitempty"`
}

// Skip is what a recovery without a majority of __meta begins with: more ids than can have been
// given out by entries that only the lost nodes had. It stands in the log before anything else can
// be allocated.
func Skip() Command {
	return Command{AllocateProducerIDs: &AllocateProducerIDs{Count: 1 << 32, SkipShards: 1 << 20, SkipReplicas: 1 << 24}}
}

// AlterReplicas says where the replicas of a shard shall be. Replicas that stay keep their ids,
// every other target is given one; what is not named any more leaves. Naming nodes whose replicas
// are leaving takes those back, which is how a move is cancelled.
type AlterReplicas struct {
	Shard storage.ShardID
	// Seen are the ids of the replicas as the caller saw them: if they are others by now, the command
	// is refused. nil does not look.
	Seen    []storage.ReplicaID `json:",omitempty"`
	Targets []Target            // the preferred leader first
	// Wanted is how many voters the partition shall have from now on, by the operator's word; 0 leaves
	// that as it is.
	Wanted int `json:",omitempty"`
}

// Target is a place for a replica.
type Target struct {
	Node NodeID
	Role Role `json:",omitempty"`
}

// SettleMembers tells what members shards were seen to have. It is what ends a move: replicas that
// have come are pending no longer, those that have gone are forgotten.
type SettleMembers struct{ Shards []Settled }

// Settled are the members of a shard, outside of a joint configuration, as of an applied entry of
// its log.
type Settled struct {
	Shard storage.ShardID
	// of the partition as the observer knew it: what was seen of another version says nothing about
	// this one
	Version          uint64
	Index            uint64
	Voters, Learners []storage.ReplicaID
}

// ReplaceReplica tells that a replica's data is lost or cannot be proved whole: another one, under
// a new id, takes its place on the same node. Refused if no other voter is left that could give the
// new one the log.
type ReplaceReplica struct {
	Shard   storage.ShardID
	Replica storage.ReplicaID
}

// RestNode puts a node into maintenance or takes it out.
type RestNode struct {
	Node NodeID
	On   bool
}

// DrainNode has a node emptied, to be removed once it is; Cancel keeps it. Refused if the other
// nodes are too few for some topic's replicas.
type DrainNode struct {
	Node   NodeID
	Cancel bool
}

// ReplaceNode declares the disk of a node lost: its incarnation is gone for good, and a node with
// the same id and an empty disk may register. Refused for another Incarnation than the one that is
// registered; 0 is any.
type ReplaceNode struct {
	Node        NodeID
	Incarnation uint64
}

// RemoveNode takes a drained node out of the cluster; its incarnation never comes back. Refused
// while replicas of partitions are on it.
type RemoveNode struct{ Node NodeID }

// Result is what applying a command answers to its proposer.
type Result struct {
	// why the command was refused; the image is then unchanged but for Index
	Err             *protocol.Error
	Index           uint64  // of the command's entry
	FirstProducerID int64   // of AllocateProducerIDs
	TopicID         TopicID // of CreateTopic
}

// Placed is a replica that an image places on a node.
type Placed struct {
	Partition *Partition
	Replica   Replica
}
