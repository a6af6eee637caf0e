package metadata

import (
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/storage"
)

// Command is one change of the metadata: exactly one field is set. It travels and is stored as JSON behind one byte of kind
// (see Encode), so that a field a newer version adds does not stop an older one from reading the log.
type Command struct {
	FormCluster         *FormCluster         `json:",omitempty"`
	RegisterNode        *RegisterNode        `json:",omitempty"`
	CreateTopic         *CreateTopic         `json:",omitempty"`
	DeleteTopic         *DeleteTopic         `json:",omitempty"`
	CreatePartitions    *CreatePartitions    `json:",omitempty"`
	AlterConfigs        *AlterConfigs        `json:",omitempty"`
	AllocateProducerIDs *AllocateProducerIDs `json:",omitempty"`
}

// FormCluster gives the cluster its id; only the first one has an effect.
type FormCluster struct{ ClusterID string }

// RegisterNode adds a node or replaces what it says of itself. A node id is taken for good by its first incarnation: another incarnation
// is refused with DUPLICATE_BROKER_REGISTRATION unless Replace is set.
type RegisterNode struct {
	Node    Node
	Replace bool
}

// CreateTopic creates a topic with partitions placed by the caller; shard and replica ids are allocated on apply.
type CreateTopic struct {
	Name      string
	ID        TopicID
	Internal  bool
	Placement [][]NodeID // partition by partition, preferred leader first
	Configs   map[string]string
}

// DeleteTopic deletes a topic by id.
type DeleteTopic struct{ ID TopicID }

// CreatePartitions adds partitions; refused if the topic does not have exactly From partitions at the time.
type CreatePartitions struct {
	ID        TopicID
	From      int
	Placement [][]NodeID
}

// AlterConfigs changes the configs of one topic or one node. The values are already checked; a nil value removes the setting.
type AlterConfigs struct {
	Topic *TopicID `json:",omitempty"` // or
	Node  *NodeID  `json:",omitempty"` // DefaultNode for all
	Set   map[string]*string
	// Replace drops every setting that Set does not name (AlterConfigs); otherwise the others stay (IncrementalAlterConfigs).
	Replace bool
}

// AllocateProducerIDs hands out Count producer ids that were never handed out before.
type AllocateProducerIDs struct{ Count int64 }

// Result is what applying a command answers to its proposer.
type Result struct {
	Err             *protocol.Error // why the command was refused; the image is then unchanged but for Index
	Index           uint64          // of the command's entry
	FirstProducerID int64           // of AllocateProducerIDs
	TopicID         TopicID         // of CreateTopic
}

// Placed is a replica that an image places on a node.
type Placed struct {
	Partition *Partition
	Replica   Replica
}

// On returns the replicas placed on node n with the given incarnation, by shard.
func (i *Image) On(n NodeID, incarnation uint64) map[storage.ShardID]Placed {
	placed := make(map[storage.ShardID]Placed)
	for _, t := range i.Topics {
		for _, p := range t.Partitions {
			for _, r := range p.Replicas {
				if r.Node == n && r.Incarnation == incarnation {
					placed[p.Shard] = Placed{p, r}
				}
			}
		}
	}
	return placed
}
