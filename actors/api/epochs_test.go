//go:build !race

package api_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/protocol/batch"
)

// A reader that says which epoch it fetched last is told where the log goes another way, and of
// epochs that nobody knows nothing; all at once, without waiting.
func TestFetchTellsWhereEpochsPart(t *testing.T) {
	c := newCluster(t, nil)
	if p := c.produce(9, -1, batch.Build(values(3))); p.ErrorCode != 0 {
		t.Fatalf("%+v", p)
	}
	epoch := c.offsetAt(11, -1).LeaderEpoch
	for _, want := range []struct {
		offset  int64
		last    int32
		code    int16
		parts   int32 // -1: the reader goes on
		end     int64
		records bool
	}{
		{offset: 0, last: -1, parts: -1, end: -1, records: true},
		{offset: 1, last: epoch, parts: -1, end: -1, records: true},
		// it ends where the log begins: trimmed or empty, not truncated
		{offset: 0, last: epoch - 1, parts: -1, end: -1, records: true},
		{offset: 2, last: epoch - 1, parts: epoch - 1, end: 0},
		{offset: 7, last: epoch, parts: epoch, end: 3},
		{offset: 2, last: epoch + 1, code: kerr.OffsetOutOfRange.Code, parts: -1, end: -1},
	} {
		r, topic, partition := c.fetchRequest(12, want.offset)
		r.MaxWaitMillis, r.MinBytes, partition.LastFetchedEpoch = 30_000, 1, want.last
		topic.Partitions = append(topic.Partitions, partition)
		r.Topics = append(r.Topics, topic)
		got := ask[*kmsg.FetchResponse](c, r).Topics[0].Partitions[0]
		if got.ErrorCode != want.code || got.DivergingEpoch.Epoch != want.parts || got.DivergingEpoch.EndOffset != want.end || len(got.RecordBatches) > 0 != want.records {
			t.Errorf("offset %d after epoch %d: %+v, want %+v", want.offset, want.last, got, want)
		}
	}
}
