package replica

import (
	"testing"

	"github.com/troupe-mq/troupe/protocol/batch"
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

// TestReadsAreCounted: consumers' reads are counted by where they found the records, those of
// observers are not; what is in memory is told.
func TestReadsAreCounted(t *testing.T) {
	n := newAlone(t)
	for range 3 * tailBytes / (1 << 20) {
		n.produce(batch.Record{Value: make([]byte, 1<<20)})
	}
	v := n.ref.View()
	counted := func(what string, memory, store uint64) {
		t.Helper()
		if m, s := n.meters.TailReads.Load(), n.meters.StoreReads.Load(); m != memory || s != store {
			t.Errorf("%s: %d reads of memory and %d of the store, want %d and %d", what, m, s, memory, store)
		}
	}
	read := func(offset int64) {
		t.Helper()
		if chunks, err := v.Read(offset, FetchLimits{MaxBytes: 1, MinOne: true, Upto: v.HighWatermark}); err != nil || len(chunks) != 1 {
			t.Fatal(len(chunks), err)
		}
	}
	read(0)
	counted("the first record", 0, 1)
	read(v.HighWatermark - 1)
	counted("the last record", 1, 1)
	if _, found, err := v.TimeAt(0); err != nil || !found {
		t.Fatal(found, err)
	}
	counted("an observer", 1, 1)
	var s Standing
	n.ref.Send(&Observe{Done: func(at Standing) { s = at }})
	if s.TailBytes < 1<<20 || s.TailBytes > tailBytes {
		t.Errorf("%d bytes are kept in memory of %d, want a record at least and %d at most", s.TailBytes, s.LogBytes, tailBytes)
	}
}
