package sim

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/protocol/batch"
)

// fetched is what a fetch brought of a partition.
type fetched struct {
	code  int16
	start int64
	end   int64 // the high watermark
	next  int64 // behind the last record
	any   bool
}

// fetch reads a partition from an offset on; what it reads is noted.
func (c *client) fetch(p partition, offset int64, most time.Duration) (fetched, bool) {
	leader, ok := c.leader(p)
	if !ok {
		return fetched{}, false
	}
	r := kmsg.NewPtrFetchRequest()
	r.Version, r.MaxWaitMillis, r.MinBytes, r.MaxBytes = 12, int32(most.Milliseconds()), 1, 16<<10
	r.SessionEpoch, r.IsolationLevel = -1, int8(c.world.pick(2))
	t := kmsg.NewFetchRequestTopic()
	t.Topic = p.topic
	part := kmsg.NewFetchRequestTopicPartition()
	part.Partition, part.FetchOffset, part.PartitionMaxBytes, part.CurrentLeaderEpoch = p.number, offset, 8<<10, -1
	t.Partitions = append(t.Partitions, part)
	r.Topics = append(r.Topics, t)
	answer, err := c.ask(leader, r)
	if err != nil {
		delete(c.leaders, p)
		return fetched{}, false
	}
	a := answer.(*kmsg.FetchResponse)
	if a.ErrorCode != 0 || len(a.Topics) == 0 {
		return fetched{}, false
	}
	got := a.Topics[0].Partitions[0]
	f := fetched{code: got.ErrorCode, start: got.LogStartOffset, end: got.HighWatermark, next: offset}
	if got.ErrorCode != 0 {
		delete(c.leaders, p)
		return f, true
	}
	c.read(p, offset, got.RecordBatches, &f)
	return f, true
}

// read notes the records of a fetch from an offset on.
func (c *client) read(p partition, offset int64, b []byte, f *fetched) {
	for len(b) > 0 {
		one, rest, ok := batch.Next(b)
		if !ok {
			return
		}
		records, err := one.Records()
		if err != nil {
			c.world.violate(SameBytes, "%s-%d: a batch at offset %d cannot be read: %v", p.topic, p.number, one.BaseOffset(), err)
			return
		}
		for _, r := range records {
			if r.Offset < offset {
				continue
			}
			if r.Offset >= f.end {
				c.world.violate(NeverBack, "%s-%d: offset %d was given out, the high watermark is %d", p.topic, p.number, r.Offset, f.end)
			}
			c.world.saw(p, r.Offset, valueOf(r.Value), "was read")
			f.next, f.any = r.Offset+1, true
		}
		b = rest
	}
}

// valueOf returns a record's value without its padding.
func valueOf(v []byte) string {
	for i, c := range v {
		if c == 0 {
			return string(v[:i])
		}
	}
	return string(v)
}

// offsetOf asks for the offset that a timestamp stands for.
func (c *client) offsetOf(p partition, timestamp int64) (int64, bool) {
	leader, ok := c.leader(p)
	if !ok {
		return 0, false
	}
	r := kmsg.NewPtrListOffsetsRequest()
	r.Version = 6
	t := kmsg.NewListOffsetsRequestTopic()
	t.Topic = p.topic
	part := kmsg.NewListOffsetsRequestTopicPartition()
	part.Partition, part.Timestamp, part.CurrentLeaderEpoch = p.number, timestamp, -1
	t.Partitions = append(t.Partitions, part)
	r.Topics = append(r.Topics, t)
	answer, err := c.ask(leader, r)
	if err != nil {
		delete(c.leaders, p)
		return 0, false
	}
	got := answer.(*kmsg.ListOffsetsResponse).Topics[0].Partitions[0]
	if got.ErrorCode != 0 {
		delete(c.leaders, p)
	}
	return got.Offset, got.ErrorCode == 0
}

// consumer reads the main topic to its end, over and over.
func consumer(c *client) {
	w := c.world
	position := map[partition]int64{}
	for !w.load.quiet {
		p := w.aPartition()
		f, ok := c.fetch(p, position[p], w.upTo(time.Second))
		switch {
		case ok && f.code == 0:
			position[p] = f.next
		case ok && f.code == kerr.OffsetOutOfRange.Code:
			if at, ok := c.offsetOf(p, -2); ok {
				position[p] = at
			}
		}
		if w.chance(30) {
			position[p] = 0 // begins anew
		}
		if w.chance(10) {
			c.offsetOf(p, w.now.time().Add(-w.upTo(time.Minute)).UnixMilli())
		}
		c.rest(c.world.think())
	}
}
