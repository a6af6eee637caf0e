package coordinator

import (
	"time"

	"github.com/google/uuid"

	"github.com/troupe-mq/troupe/raft/coordination"
	"github.com/troupe-mq/troupe/raft/group"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// Groups describes the group coordinators. config is read for each core, retention is the time
// between two looks for expired offsets, and memory is what the groups of a node may take.
func Groups(config func() group.Config, retention time.Duration, memory int64) Kind[*group.Coordinator] {
	return Kind[*group.Coordinator]{
		Name: "groups", Topic: metadata.ConsumerOffsets, Partition: coordination.PartitionOf,
		New: func(b coordination.Budget) *group.Coordinator {
			c := config()
			c.Budget = b
			return group.New(c, uuid.NewString)
		},
		Retention: retention, Memory: memory,
	}
}

// Topics tells what an image knows of topics.
func Topics(image *metadata.Image) group.Topics {
	return func(name string) ([16]byte, int) {
		t := image.Topics[name]
		if t == nil {
			return [16]byte{}, 0
		}
		return t.ID, len(t.Partitions)
	}
}
