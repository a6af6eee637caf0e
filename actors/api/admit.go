package api

import (
	"fmt"
	"math"
	"runtime"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/protocol/batch"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// zstd is the number of a codec that came later than the others.
const zstd = 4

// leastInflated is what the records of any batch may inflate to. A topic that takes larger batches
// than usual takes four times what a batch may have.
const leastInflated = 32 << 20

// opening bounds how many batches are inflated at a time, on all connections: each may take the
// window of its decoder, and what a client compressed well costs time. There is nothing to wait for
// but the processor.
var opening = make(chan struct{}, max(2, runtime.GOMAXPROCS(0)))

// door decides by a topic's settings whether a batch from a producer is let in.
type door struct {
	topic    *metadata.Topic
	settings *metadata.TopicSettings
	now      int64 // ms since the epoch
	names    int   // how many records may be named one by one

	faulty []kmsg.ProduceResponseTopicPartitionErrorRecord // of the batch that was refused
	// the batch was refused because nobody could read it
	unreadable bool
}

func newDoor(c Cluster, t *metadata.Topic) *door {
	return &door{topic: t, now: c.Runtime().Now().UnixMilli(), settings: t.Settings()}
}

// admit opens a batch whose header is good, and returns it as it shall be stored, or why it is
// refused.
func (d *door) admit(b batch.Batch) (batch.Batch, *protocol.Error) {
	switch {
	case d.topic.Internal:
		return nil, protocol.Errorf(kerr.InvalidTopicException, "topic %q is internal", d.topic.Name)
	case b.AppendTime():
		return nil, protocol.Errorf(kerr.InvalidTimestamp, "producers may not set the timestamp type to LogAppendTime")
	}
	if err := d.fits(b); err != nil {
		return nil, err
	}
	target := d.settings.Codec
	if target < 0 {
		target = b.Codec()
	}
	if b.Codec() != 0 || target != 0 {
		opening <- struct{}{}
		defer func() { <-opening }()
	}
	v, err := b.Verify(d.demands())
	if err == nil {
		err = d.refused(v.Faulty)
	} else {
		d.unreadable = err.Kafka == kerr.InvalidRecord
	}
	if err != nil {
		return nil, err
	}
	if v.MaxTimestamp != b.MaxTimestamp() {
		b.SetMaxTimestamp(v.MaxTimestamp)
	}
	return d.recompress(b, target)
}

func (d *door) fits(b batch.Batch) *protocol.Error {
	if most := d.settings.MaxMessageBytes; len(b) > most {
		return protocol.Errorf(kerr.MessageTooLarge, "the batch is %d bytes, max.message.bytes is %d", len(b), most)
	}
	return nil
}

// recompress returns the batch in the topic's codec.
func (d *door) recompress(b batch.Batch, codec int8) (batch.Batch, *protocol.Error) {
	if codec == b.Codec() {
		return b, nil
	}
	again, err := b.Recompress(codec)
	if err != nil {
		return nil, protocol.Errorf(kerr.InvalidRecord, "%v", err)
	}
	return again, d.fits(again)
}

// demands are what the topic's settings ask of records.
func (d *door) demands() batch.Demands {
	demands := batch.Demands{
		Keyed:    d.settings.Policy.Compact,
		Earliest: math.MinInt64, Latest: math.MaxInt64,
		Inflated: max(leastInflated, 4*d.settings.MaxMessageBytes),
	}
	if s := d.settings; !s.AppendTime {
		demands.Earliest = d.now - s.BeforeMS
		demands.Latest = d.now + min(s.AfterMS, math.MaxInt64-d.now)
	}
	return demands
}

// mostNamed is how many faulty records one answer names, over all partitions of its request: some
// bytes can be inflated to ten thousand of them, and a request has room for many batches.
const mostNamed = 10_000

// refused returns the error for a batch some of whose records are faulty, which are then named one
// by one (KIP-467): a producer sends the others again. Code and words are Kafka's. Beyond what may
// be named only the batch is refused, as by brokers before KIP-467.
func (d *door) refused(faulty []batch.Faulty) *protocol.Error {
	if len(faulty) == 0 {
		return nil
	}
	err := protocol.Errorf(kerr.InvalidRecord, "One or more records have been rejected due to %d record errors in total", len(faulty))
	if slices.ContainsFunc(faulty, func(f batch.Faulty) bool { return f.Fault == batch.BadTime }) {
		err = protocol.Errorf(kerr.InvalidTimestamp, "One or more records have been rejected due to invalid timestamp")
	}
	if len(faulty) > d.names {
		return err
	}
	for _, f := range faulty {
		r := kmsg.NewProduceResponseTopicPartitionErrorRecord()
		r.RelativeOffset = f.Index
		r.ErrorMessage = d.says(f)
		d.faulty = append(d.faulty, r)
	}
	return err
}

// noKey is shared by all records that it is said of.
var noKey = "Compacted topic cannot accept message without key"

func (d *door) says(f batch.Faulty) *string {
	if f.Fault == batch.NoKey {
		return &noKey
	}
	demands := d.demands()
	s := fmt.Sprintf("Timestamp %d of message with offset %d is out of range. The timestamp should be within [%d, %d]", f.Timestamp, f.Index, demands.Earliest, demands.Latest)
	return &s
}
