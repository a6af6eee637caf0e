package replica

import (
	"testing"

	"github.com/troupe-mq/troupe/raft/partition"
)

// TestATailKeepsItsLimit: what is kept in memory stays bounded when a snapshot replaces the log.
func TestATailKeepsItsLimit(t *testing.T) {
	c := &records{machine: partition.New(partition.Limits{}), tail: tail{limit: func() int { return 10 }}}
	c.opened(40)
	for n := range int64(3) {
		c.tail.push(chunk{index: uint64(n), base: n, next: n + 1, data: make([]byte, 8)})
	}
	if len(c.tail.chunks) != 1 {
		t.Errorf("%d chunks of 8 bytes are kept, the limit is 10 bytes", len(c.tail.chunks))
	}
}
