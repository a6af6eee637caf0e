package coordinator

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/troupe-mq/troupe/raft/coordination"
)

// Kind describes the coordinators of one topic.
type Kind[C coordination.Core] struct {
	// Name is what they coordinate, as it stands in the names of their actors and in the log.
	Name string
	// Topic is the internal topic with what they remember.
	Topic string
	// Partition returns which of so many partitions of the topic a key belongs to.
	Partition func(key string, partitions int) int32
	// New makes a core that knows nothing yet, and takes its memory from a budget.
	New func(coordination.Budget) C
	// Retention is the time between two looks for what was kept for its time; 0 never looks.
	Retention time.Duration
	// Memory is what all cores of a node may take; 0 does not bound it.
	Memory int64
	// BatchBytes is how large a batch of writes becomes, 0 is a megabyte. A write that is larger by
	// itself has one of its own.
	BatchBytes int
}

// batchBytes is Kind.BatchBytes if there is no other.
const batchBytes = 1 << 20

// budget is the memory of all cores of a kind on a node; it is a coordination.Budget.
type budget struct {
	limit int64
	used  atomic.Int64
}

// Take implements coordination.Budget.
func (b *budget) Take(bytes int64) { b.used.Add(bytes) }

// Left implements coordination.Budget.
func (b *budget) Left() int64 {
	if b.limit == 0 {
		return math.MaxInt64
	}
	return b.limit - b.used.Load()
}
