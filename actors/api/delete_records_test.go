//go:build !race

package api_test

import (
	"math"
	"runtime"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/protocol/batch"
)

// deleteRecords asks for trims of partitions of a topic, each to an offset.
func (c *cluster) deleteRecords(topic string, timeout int32, offsets ...int64) *kmsg.DeleteRecordsResponse {
	c.Helper()
	r, t := kmsg.NewPtrDeleteRecordsRequest(), kmsg.NewDeleteRecordsRequestTopic()
	r.Version, r.TimeoutMillis, t.Topic = 2, timeout, topic
	for p, offset := range offsets {
		t.Partitions = append(t.Partitions, kmsg.DeleteRecordsRequestTopicPartition{Partition: int32(p), Offset: offset})
	}
	r.Topics = append(r.Topics, t)
	return ask[*kmsg.DeleteRecordsResponse](c, r)
}

// Records of internal topics and of those that are only compacted are not deleted.
func TestDeleteRecordsKeepsWhatIsNotOld(t *testing.T) {
	for _, want := range []struct {
		policy string
		code   int16
	}{{"compact", kerr.PolicyViolation.Code}, {"compact,delete", 0}, {"delete", 0}} {
		c := newCluster(t, map[string]string{"cleanup.policy": want.policy})
		if p := c.produce(9, -1, batch.Build([]batch.Record{{Key: []byte("k"), Value: []byte("v")}})); p.ErrorCode != 0 {
			t.Fatalf("%+v", p)
		}
		got := c.deleteRecords(c.topic, 10_000, -1).Topics[0].Partitions[0]
		if got.ErrorCode != want.code || got.ErrorCode == 0 && got.LowWatermark != 1 || got.ErrorCode != 0 && got.LowWatermark != -1 {
			t.Errorf("%s: %+v, want %v", want.policy, got, kerr.ErrorForCode(want.code))
		}
	}
	c := newCluster(t, nil)
	find := kmsg.NewPtrFindCoordinatorRequest()
	find.Version, find.CoordinatorKey = 2, "g" // has __consumer_offsets made
	for ask[*kmsg.FindCoordinatorResponse](c, find).ErrorCode != 0 && c.ctx.Err() == nil {
	}
	for _, p := range c.deleteRecords("__consumer_offsets", 10_000, -1, -1, -1).Topics[0].Partitions {
		if p.ErrorCode != kerr.InvalidTopicException.Code || p.LowWatermark != -1 {
			t.Errorf("__consumer_offsets: %+v", p)
		}
	}
}

// A request without a timeout is told that the trim is carried out, not that the time is up; one
// that asks twice of a partition is answered once, for the last time.
func TestDeleteRecordsWithoutATimeout(t *testing.T) {
	c := newCluster(t, nil)
	if p := c.produce(9, -1, batch.Build(values(9))); p.ErrorCode != 0 {
		t.Fatalf("%+v", p)
	}
	for i := range int64(4) {
		if got := c.deleteRecords(c.topic, int32(-i), i).Topics[0].Partitions[0]; got.ErrorCode != 0 || got.LowWatermark != i {
			t.Errorf("timeout %d: %+v, want %d", -i, got, i)
		}
	}
	r := kmsg.NewPtrDeleteRecordsRequest()
	r.Version, r.TimeoutMillis = 2, 1000
	for _, offset := range []int64{7, 4, 5} {
		t := kmsg.NewDeleteRecordsRequestTopic()
		t.Topic, t.Partitions = c.topic, []kmsg.DeleteRecordsRequestTopicPartition{{Offset: offset}, {Offset: offset + 1}}
		r.Topics = append(r.Topics, t)
	}
	got := ask[*kmsg.DeleteRecordsResponse](c, r)
	if len(got.Topics) != 1 || len(got.Topics[0].Partitions) != 1 || got.Topics[0].Partitions[0].LowWatermark != 6 {
		t.Errorf("asked six times: %+v", got.Topics)
	}
}

// However long a request says that it would wait: what it takes is given back with its answer.
func TestDeleteRecordsGivesBackWhatItTook(t *testing.T) {
	c := newCluster(t, nil)
	if p := c.produce(9, -1, batch.Build(values(1))); p.ErrorCode != 0 {
		t.Fatalf("%+v", p)
	}
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	offsets := make([]int64, 40_000)
	c.deleteRecords(c.topic, math.MaxInt32, offsets...)
	before := heap()
	for range 60 {
		c.deleteRecords(c.topic, math.MaxInt32, offsets...)
	}
	for end := time.Now().Add(20 * time.Second); heap()-before > 40<<20; {
		if time.Now().After(end) {
			t.Fatalf("%d MiB are still held", (heap()-before)>>20)
		}
	}
}
