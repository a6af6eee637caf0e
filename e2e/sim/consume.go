package sim

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/protocol/batch"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// fetched is what a fetch brought of a partition.
type fetched struct {
	code  int16
	start int64
	end   int64 // the high watermark
	next  int64 // behind the last batch
	epoch int32 // of the last batch
	any   bool
	near  metadata.NodeID // another replica to read from, -1 for none
}

// fetching is what a fetch is to bring.
type fetching struct {
	offset int64
	epoch  int32 // the leader's, as far as the client knows; -1 for any
	last   int32 // epoch of the record before the offset, to be held against the log; -1 for none
	rack   string
	wait   time.Duration
}

// fetch reads a partition from an offset on at its leader; what it reads is noted.
func (c *client) fetch(p partition, offset int64, most time.Duration) (fetched, bool) {
	leader, ok := c.leader(p)
	if !ok {
		return fetched{}, false
	}
	return c.fetchFrom(leader, p, fetching{offset: offset, epoch: -1, last: -1, wait: most})
}

// fetchFrom reads a partition on a node, in any version.
func (c *client) fetchFrom(n metadata.NodeID, p partition, f fetching) (fetched, bool) {
	offset := f.offset
	r := kmsg.NewPtrFetchRequest()
	r.Version, r.MaxWaitMillis, r.MinBytes, r.MaxBytes = c.world.version(4, 18), int32(f.wait.Milliseconds()), 1, 16<<10
	r.SessionEpoch, r.IsolationLevel, r.Rack = -1, int8(c.world.pick(2)), f.rack
	t := kmsg.NewFetchRequestTopic()
	t.Topic, t.TopicID = p.topic, c.ids[p.topic]
	part := kmsg.NewFetchRequestTopicPartition()
	part.Partition, part.FetchOffset, part.PartitionMaxBytes, part.CurrentLeaderEpoch = p.number, offset, 8<<10, f.epoch
	part.LastFetchedEpoch = f.last
	t.Partitions = append(t.Partitions, part)
	r.Topics = append(r.Topics, t)
	answer, err := c.ask(n, r)
	if err != nil {
		delete(c.leaders, p)
		return fetched{}, false
	}
	a := answer.(*kmsg.FetchResponse)
	if a.ErrorCode != 0 || len(a.Topics) == 0 {
		return fetched{}, false
	}
	got := a.Topics[0].Partitions[0]
	out := fetched{code: got.ErrorCode, start: got.LogStartOffset, end: got.HighWatermark, next: offset, epoch: -1, near: got.PreferredReadReplica}
	if d := got.DivergingEpoch; d.Epoch >= 0 {
		c.world.violate(Kept, "%s-%d is said to part at epoch %d, offset %d from what a reader at offset %d has of epoch %d", p.topic, p.number, d.Epoch, d.EndOffset, offset, f.last)
	}
	if got.ErrorCode != 0 {
		delete(c.leaders, p)
		return out, true
	}
	c.read(p, offset, got.RecordBatches, &out)
	return out, true
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
			if r.Offset > f.next && !c.world.compacts(p.topic) {
				c.world.violate(Kept, "%s-%d: a reader at offset %d is given %d, and nothing of what lies between", p.topic, p.number, f.next, r.Offset)
			}
			if r.Offset >= f.end {
				c.world.violate(NeverBack, "%s-%d: offset %d was given out, the high watermark is %d", p.topic, p.number, r.Offset, f.end)
			}
			if c.world.compacts(p.topic) {
				c.world.keyed(p, keyedRecord{string(r.Key), keyedValue(r.Value), r.Offset}, "was read")
			} else {
				c.world.saw(p, r.Offset, valueOf(r.Value), "was read")
			}
			f.next, f.any = r.Offset+1, true
		}
		if one.NextOffset() > f.next && !c.world.compacts(p.topic) {
			c.world.violate(Kept, "%s-%d: a reader at offset %d is given a batch up to %d that has no records for it", p.topic, p.number, f.next, one.NextOffset())
		}
		f.next, f.epoch = max(f.next, one.NextOffset()), one.LeaderEpoch()
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
	r.Version = c.world.version(1, 10)
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
