package replica

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/protocol/batch"
	"github.com/troupe-mq/troupe/storage"
)

// counted is a store that counts how often entries are read.
type counted struct {
	storage.Store
	reads int
}

func (c *counted) Entries(r storage.ReplicaID, lo, hi, maxBytes uint64) ([]*raftpb.Entry, error) {
	c.reads++
	return c.Store.Entries(r, lo, hi, maxBytes)
}

// Who reads on finds the place at once, and reads what somebody without a bookmark reads, also
// after the log was trimmed and cleaned.
func TestWhoReadsOnFindsThePlace(t *testing.T) {
	n := newAlone(t)
	for i := range 120 {
		n.produce(batch.Record{Key: fmt.Appendf(nil, "k%d", i%7), Value: []byte(strings.Repeat("x", i%50))}, batch.Record{Key: fmt.Appendf(nil, "k%d", i%5), Value: fmt.Appendf(nil, "%d", i)})
	}
	stored := func() *View { // as if nothing were in memory any more
		v := *n.ref.View()
		v.chunks = nil
		return &v
	}
	check := func(from int64) {
		t.Helper()
		first := n.readView(stored(), from)  // sets bookmarks, and uses them
		second := n.readView(stored(), from) // begins with one
		v := stored()
		v.views = nil // it looks for every place
		alone := n.readView(v, from)
		if !slices.EqualFunc(first, second, sameRecord) || !slices.EqualFunc(first, alone, sameRecord) || len(first) == 0 {
			t.Fatalf("from %d: %d records without bookmarks, %d with, %d again", from, len(first), len(second), len(alone))
		}
	}
	check(0)
	check(31)
	v, store := stored(), &counted{Store: n.store}
	v.store = store
	offset := int64(0)
	for turn := range 20 {
		store.reads = 0
		chunks, err := v.Read(offset, FetchLimits{MaxBytes: 300, MinOne: true, Upto: v.HighWatermark})
		if err != nil || len(chunks) == 0 {
			t.Fatalf("offset %d: %d chunks, %v", offset, len(chunks), err)
		}
		// one for each entry, as what is left gets less
		if turn > 0 && (store.reads < 1 || store.reads > 4) {
			t.Errorf("to read on at %d took %d reads of the store", offset, store.reads)
		}
		for rest := []byte(chunks[len(chunks)-1]); len(rest) > 0; {
			var b batch.Batch
			b, rest, _ = batch.Next(rest)
			offset = b.NextOffset()
		}
	}
	n.ref.Send(&Trim{Offset: 40, Done: func(int64, *protocol.Error) {}})
	check(40)
	n.clean(1000)
	check(40)
}

func sameRecord(a, b batch.Record) bool {
	return a.Offset == b.Offset && string(a.Key) == string(b.Key) && string(a.Value) == string(b.Value)
}
