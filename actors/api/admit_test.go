//go:build !race

package api_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"runtime"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/protocol/batch"
)

// where fields lie in a batch
const (
	attributesAt = 21
	lastDeltaAt  = 23
	baseTimeAt   = 27
	countAt      = 57
)

// holding returns a batch that says gzip and how many records it holds, whatever these bytes are.
func holding(n int, payload []byte) batch.Batch {
	b := append(append(batch.Batch{}, batch.Build(values(1))[:batch.HeaderBytes]...), payload...)
	binary.BigEndian.PutUint32(b[8:], uint32(len(b)-12))
	b[attributesAt+1] = 1
	binary.BigEndian.PutUint32(b[lastDeltaAt:], uint32(n-1))
	binary.BigEndian.PutUint32(b[countAt:], uint32(n))
	b.SetCRC()
	return b
}

func zipped(plain []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write(plain)
	w.Close()
	return out.Bytes()
}

// What no consumer could read is not acknowledged, though its checksum is right, and moves nothing.
func TestProduceOpensCompressedBatches(t *testing.T) {
	c := newCluster(t, nil)
	three := batch.Build(values(3)).Payload()
	bomb := batch.Build([]batch.Record{{Value: make([]byte, 41<<20)}}).Payload()
	for name, test := range map[string]struct {
		sent batch.Batch
		want *kerr.Error
	}{
		"no gzip":                     {holding(1, []byte("no gzip")), kerr.InvalidRecord},
		"three records that say 1":    {holding(1, zipped(three)), kerr.InvalidRecord},
		"three that say 2³¹-1":        {holding(1<<31-1, zipped(three)), kerr.InvalidRecord},
		"40 MiB in some KiB":          {holding(1, zipped(bomb)), kerr.MessageTooLarge},
		"zeros":                       {holding(1, zipped(make([]byte, 100))), kerr.InvalidRecord},
		"a control batch":             {changed(func(b batch.Batch) { b[attributesAt+1] = 0x20 }), kerr.InvalidRecord},
		"a transaction without an id": {changed(func(b batch.Batch) { b[attributesAt+1] = 0x10; b.SetProducer(7, 0, 0) }), kerr.TransactionalIDAuthorizationFailed},
		"a time that is the broker's": {changed(func(b batch.Batch) { b.SetAppendTime(5) }), kerr.InvalidTimestamp},
	} {
		if got := c.produce(9, -1, test.sent); kerr.TypedErrorForCode(got.ErrorCode) != test.want || got.ErrorMessage == nil || len(got.ErrorRecords) > 0 {
			t.Errorf("%s: %v %+v, want %v", name, kerr.ErrorForCode(got.ErrorCode), got, test.want)
		}
	}
	old := must(batch.Build(values(1)).Recompress(4))
	if got := c.produce(6, -1, old); got.ErrorCode != kerr.UnsupportedCompressionType.Code {
		t.Errorf("zstd in version 6: %v", kerr.ErrorForCode(got.ErrorCode))
	}
	for codec := range int8(5) {
		if got := c.produce(9, -1, must(batch.Build(values(3)).Recompress(codec))); got.ErrorCode != 0 || got.BaseOffset != 3*int64(codec) {
			t.Errorf("three good records in codec %d: %+v", codec, got)
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func changed(f func(batch.Batch)) batch.Batch {
	b := batch.Build(values(1))
	f(b)
	b.SetCRC()
	return b
}

// Only the records that are bad are named, so that a client sends the others again (KIP-467).
func TestProduceNamesBadRecords(t *testing.T) {
	c := newCluster(t, map[string]string{"cleanup.policy": "compact", "message.timestamp.before.max.ms": "60000"})
	now := time.Now().UnixMilli()
	key := []byte("k")
	timely := batch.Record{Timestamp: now, Key: key}
	for name, test := range map[string]struct {
		records []batch.Record
		want    *kerr.Error
		bad     []int32
	}{
		"two without a key":            {[]batch.Record{timely, {Timestamp: now}, timely, {Timestamp: now}}, kerr.InvalidRecord, []int32{1, 3}},
		"one of the day before":        {[]batch.Record{timely, timely, {Timestamp: now - 86_400_000, Key: key}}, kerr.InvalidTimestamp, []int32{2}},
		"one of ten years ahead":       {[]batch.Record{{Timestamp: now + 315_576_000_000, Key: key}, timely}, kerr.InvalidTimestamp, []int32{0}},
		"one without a time is good":   {[]batch.Record{{Timestamp: -1, Key: key}}, nil, nil},
		"one that has both is counted": {[]batch.Record{timely, {Timestamp: now - 86_400_000}}, kerr.InvalidRecord, []int32{1}},
	} {
		for codec := range int8(5) {
			got := c.produce(9, -1, must(batch.Build(test.records).Recompress(codec)))
			if kerr.TypedErrorForCode(got.ErrorCode) != test.want || len(got.ErrorRecords) != len(test.bad) {
				t.Errorf("codec %d, %s: %+v", codec, name, got)
				continue
			}
			for i, r := range got.ErrorRecords {
				if r.RelativeOffset != test.bad[i] || r.ErrorMessage == nil || *r.ErrorMessage == "" {
					t.Errorf("codec %d, %s: %+v", codec, name, r)
				}
			}
		}
	}
	if got := c.produce(7, -1, batch.Build([]batch.Record{{Timestamp: now}})); got.ErrorCode != kerr.InvalidRecord.Code {
		t.Errorf("version 7: %+v", got)
	}
}

// The largest timestamp is what the records say, whatever the header said: it is what is looked for
// by time, and what retention goes by.
func TestProduceComputesTheLargestTimestamp(t *testing.T) {
	c := newCluster(t, nil)
	now := time.Now().UnixMilli()
	for i, said := range []int64{-1, now + 315_576_000_000, 0} {
		b := batch.Build([]batch.Record{{Timestamp: now}, {Timestamp: now + 2}, {Timestamp: now + 1}})
		b.SetMaxTimestamp(said)
		if got := c.produce(9, -1, b); got.ErrorCode != 0 {
			t.Fatalf("%+v", got)
		}
		stored, _, ok := batch.Next(c.fetch(12, int64(3*i), 1<<20).RecordBatches)
		if _, err := batch.Check(stored); !ok || err != nil || stored.MaxTimestamp() != now+2 {
			t.Fatalf("a header that said %d: %v, now %d of %d", said, err, stored.MaxTimestamp(), now+2)
		}
	}
	r, topic, partition := kmsg.NewPtrListOffsetsRequest(), kmsg.NewListOffsetsRequestTopic(), kmsg.NewListOffsetsRequestTopicPartition()
	r.Version, r.ReplicaID = 7, -1
	partition.Timestamp, topic.Topic = now+2, c.topic
	topic.Partitions = append(topic.Partitions, partition)
	r.Topics = append(r.Topics, topic)
	if got := ask[*kmsg.ListOffsetsResponse](c, r).Topics[0].Partitions[0]; got.Offset != 1 || got.Timestamp != now+2 {
		t.Fatalf("%+v", got)
	}
}

// A record of many headers is looked at by time without being taken apart.
func TestListOffsetsOfABombTakesNoMemory(t *testing.T) {
	c := newCluster(t, map[string]string{"max.message.bytes": "10000000"})
	c.PauseFetchTopics(c.topic) // or the client's own consumer takes it apart in this process
	const headers = 2_000_000
	now := time.Now().UnixMilli()
	body := binary.AppendVarint([]byte{0, 0, 0, 1, 1}, headers)
	body = append(body, bytes.Repeat([]byte{0, 1}, headers)...)
	b := holding(1, zipped(append(binary.AppendVarint(nil, int64(len(body))), body...)))
	binary.BigEndian.PutUint64(b[baseTimeAt:], uint64(now))
	b.SetCRC()
	if got := c.produce(9, -1, b); got.ErrorCode != 0 {
		t.Fatalf("%+v", got)
	}
	r, topic, partition := kmsg.NewPtrListOffsetsRequest(), kmsg.NewListOffsetsRequestTopic(), kmsg.NewListOffsetsRequestTopicPartition()
	r.Version, r.ReplicaID = 7, -1
	partition.Timestamp, topic.Topic = now, c.topic
	topic.Partitions = append(topic.Partitions, partition)
	r.Topics = append(r.Topics, topic)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if got := ask[*kmsg.ListOffsetsResponse](c, r).Topics[0].Partitions[0]; got.Offset != 0 || got.Timestamp != now {
		t.Fatalf("%+v", got)
	}
	runtime.ReadMemStats(&after)
	if taken := after.TotalAlloc - before.TotalAlloc; taken > 8<<20 {
		t.Fatalf("%d MiB for one question", taken>>20)
	}
}

// A request of some KiB that brings a million bad records is refused, and not answered with a
// million lines: what one answer names is bounded over all of its batches.
func TestOneAnswerNamesSoManyBadRecords(t *testing.T) {
	c := newCluster(t, map[string]string{"cleanup.policy": "compact"})
	bad := must(batch.Build(make([]batch.Record, 6000)).Recompress(1))
	if got := c.produce(9, -1, bad); len(got.ErrorRecords) != 6000 {
		t.Fatalf("%d of 6000 bad records are named", len(got.ErrorRecords))
	}
	r, topic := kmsg.NewPtrProduceRequest(), kmsg.NewProduceRequestTopic()
	r.Version, r.Acks, r.TimeoutMillis, topic.Topic = 9, -1, 10_000, c.topic
	for range 100 {
		topic.Partitions = append(topic.Partitions, kmsg.ProduceRequestTopicPartition{Records: bad})
	}
	r.Topics = append(r.Topics, topic)
	named := 0
	for _, p := range ask[*kmsg.ProduceResponse](c, r).Topics[0].Partitions {
		if named += len(p.ErrorRecords); p.ErrorCode != kerr.InvalidRecord.Code || p.ErrorMessage == nil {
			t.Fatalf("%v, %v", kerr.ErrorForCode(p.ErrorCode), p.ErrorMessage)
		}
	}
	if named > 10_000 {
		t.Errorf("a request of %d bytes is answered with %d records", 100*len(bad), named)
	}
}
