//go:build !race

package api_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/node"
	"github.com/troupe-mq/troupe/protocol/batch"
)

// lag is what is observed of the lag of a group in the topic.
func (c *cluster) lag(group string) *node.LagReading {
	for _, g := range c.node.Observe(c.ctx).Groups {
		if g.Group == group && len(g.Lags) == 1 {
			return &g.Lags[0]
		}
	}
	return nil
}

// Records that were deleted before a group read them are no lag, neither in number nor in time.
func TestDeletedRecordsAreNoLag(t *testing.T) {
	c := newCluster(t, nil)
	records := values(10)
	for i := range records {
		records[i].Timestamp -= int64(10-i) * 3_600_000 // the first is ten hours old
	}
	if p := c.produce(9, -1, batch.Build(records)); p.ErrorCode != 0 {
		t.Fatalf("%+v", p)
	}
	find := kmsg.NewPtrFindCoordinatorRequest()
	find.Version, find.CoordinatorKey = 2, "g" // has __consumer_offsets made
	for ask[*kmsg.FindCoordinatorResponse](c, find).ErrorCode != 0 {
	}
	for code := int16(1); code != 0; {
		if c.ctx.Err() != nil {
			t.Fatalf("an offset is not committed: error %d", code)
		}
		r, topic := kmsg.NewPtrOffsetCommitRequest(), kmsg.NewOffsetCommitRequestTopic()
		r.Version, r.Group, r.Generation, topic.Topic = 7, "g", -1, c.topic
		topic.Partitions = append(topic.Partitions, kmsg.OffsetCommitRequestTopicPartition{Offset: 3, LeaderEpoch: -1})
		r.Topics = append(r.Topics, topic)
		code = ask[*kmsg.OffsetCommitResponse](c, r).Topics[0].Partitions[0].ErrorCode
	}
	for _, want := range []struct{ trim, records, hours int64 }{{2, 7, 7}, {8, 2, 2}, {10, 0, 0}} {
		c.trim(want.trim, want.trim, 0)
		lag := c.lag("g")
		for ; lag == nil && c.ctx.Err() == nil; lag = c.lag("g") {
		}
		if lag == nil || lag.Records != want.records || int64(lag.Behind.Hours()) != want.hours {
			t.Errorf("trimmed to %d: %+v, want %d records of %d hours", want.trim, lag, want.records, want.hours)
		}
	}
}
