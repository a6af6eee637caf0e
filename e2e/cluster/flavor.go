package cluster

import (
	"context"
	"os"
	"os/exec"
)

// Flavor is what the processes of a cluster are.
type Flavor interface {
	// Name is for messages and for tests that only make sense with one flavor.
	Name() string
	// Command is the process of a node. What has to happen once before the first start happens here.
	Command(c *Cluster, n *Node) (*exec.Cmd, error)
	// Ready returns nil when the node takes clients.
	Ready(ctx context.Context, c *Cluster, n *Node) error
	// Replica describes what a node holds of a partition.
	Replica(ctx context.Context, c *Cluster, n *Node, topic string, partition int32) (Replica, error)
}

// Replica is one node's copy of a partition: two replicas that applied the same are the same if all
// fields are equal.
type Replica struct {
	// last raft index applied; with Kafka the high watermark
	Applied       uint64 `json:"applied"`
	LogStart      int64  `json:"log_start"`      // first offset kept
	HighWatermark int64  `json:"high_watermark"` // first offset not committed
	Hash          string `json:"hash"`           // over every committed entry kept
}

// flavor is Troupe, or Kafka where the environment asks for it.
func flavor() Flavor {
	if dir := os.Getenv("E2E_KAFKA"); dir != "" {
		return Kafka{Jars: dir}
	}
	return Troupe{}
}
