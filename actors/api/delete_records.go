package api

import (
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/access"
	"github.com/troupe-mq/troupe/actors/ledger"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// deleting is a DeleteRecords request on its way: answered when all its trims are committed or
// refused, when the time is up, or when the connection is closed.
type deleting struct {
	call     *Call
	response *kmsg.DeleteRecordsResponse
	done     chan struct{} // closed with the answer

	mu   sync.Mutex
	left int // trims without an outcome
	// gives back what the request holds: after the last outcome, though the client may have its answer
	// since long
	drop     func()
	answered bool
}

// Bounds of how long a request waits for its trims. One without a timeout is answered when they are
// carried out, which takes one commit, rather than told that the time is up though they are.
const (
	deletesWithout = 5 * time.Second
	deletesLongest = 5 * time.Minute
)

func deleteRecords(c *Call) {
	request := c.Body.(*kmsg.DeleteRecordsRequest)
	d := &deleting{call: c, response: request.ResponseKind().(*kmsg.DeleteRecordsResponse), done: make(chan struct{}), left: 1, drop: c.pending.Hold()}
	d.response.Topics = deletesOf(request)
	for i := range d.response.Topics {
		out := &d.response.Topics[i]
		topic, err := c.trimmable(out.Topic)
		for k := range out.Partitions {
			d.trim(topic, &out.Partitions[k], err)
		}
	}
	if !d.outcome(func() {}) {
		wait := time.Duration(request.TimeoutMillis) * time.Millisecond
		if wait <= 0 {
			wait = deletesWithout
		}
		c.Go(func() { d.wait(min(wait, deletesLongest)) })
	}
}

// deletesOf makes the answer, with the offset asked for as the low watermark and without an
// outcome. What is asked twice of a partition counts once, the last time, as in Kafka.
func deletesOf(request *kmsg.DeleteRecordsRequest) (topics []kmsg.DeleteRecordsResponseTopic) {
	type key struct {
		topic     string
		partition int32
	}
	byName, byKey := make(map[string]int), make(map[key]int)
	for _, t := range request.Topics {
		at, known := byName[t.Topic]
		if !known {
			at = len(topics)
			byName[t.Topic] = at
			topics = append(topics, kmsg.DeleteRecordsResponseTopic{Topic: t.Topic})
		}
		out := &topics[at]
		for _, p := range t.Partitions {
			k, known := byKey[key{t.Topic, p.Partition}]
			if !known {
				k = len(out.Partitions)
				byKey[key{t.Topic, p.Partition}] = k
				out.Partitions = append(out.Partitions, kmsg.DeleteRecordsResponseTopicPartition{Partition: p.Partition})
			}
			out.Partitions[k].LowWatermark, out.Partitions[k].ErrorCode = p.Offset, unsettled
		}
	}
	return topics
}

// trimmable finds a topic whose records clients may delete, by Kafka's rules: what an internal
// topic or one that is only compacted holds is not old when it lies far back.
func (c *Call) trimmable(name string) (*metadata.Topic, *protocol.Error) {
	t, err := c.Topic(name, [16]byte{}, false, access.Delete)
	if err != nil {
		return nil, err
	}
	if t.Internal {
		return nil, protocol.Errorf(kerr.InvalidTopicException, "records of the internal topic %s cannot be deleted", name)
	}
	if policy := t.Settings().Policy; policy.Compact && !policy.Delete {
		return nil, protocol.Errorf(kerr.PolicyViolation, "records of topic %s cannot be deleted: its cleanup.policy is compact", name)
	}
	return t, nil
}

// trim sends one trim to the partition's leader.
func (d *deleting) trim(t *metadata.Topic, part *kmsg.DeleteRecordsResponseTopicPartition, err *protocol.Error) {
	offset := part.LowWatermark
	part.LowWatermark = -1
	var l led
	if err == nil {
		l, err = leading(d.call.Cluster, t, part.Partition, -1)
	}
	if err != nil {
		part.ErrorCode = protocol.Code(err)
		return
	}
	d.mu.Lock()
	d.left++
	d.mu.Unlock()
	books := d.call.Cluster.Ledger()
	books.Take(ledger.Records, 1)
	l.ref.Trim(&replica.Trim{Offset: offset, Done: func(start int64, err *protocol.Error) {
		books.Give(ledger.Records, 1)
		d.outcome(func() {
			part.ErrorCode, part.LowWatermark = 0, start
			if err != nil {
				part.ErrorCode, part.LowWatermark = err.Kafka.Code, -1
			}
		})
	}})
}

// outcome takes what became of a trim and answers after the last of them. It reports whether the
// request is answered.
func (d *deleting) outcome(set func()) (answered bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.left--; d.left == 0 {
		defer d.drop()
	}
	if d.answered {
		return true
	}
	set()
	if d.left == 0 {
		d.answer()
	}
	return d.answered
}

// answer is called with mu held, once.
func (d *deleting) answer() {
	d.answered = true
	close(d.done)
	d.call.Answer(d.response)
}

// wait answers with what is known when the time is up or nobody waits any more.
func (d *deleting) wait(longest time.Duration) {
	if d.call.Cluster.Runtime().Wait(longest, d.done, d.call.Connection.Closed) == 0 {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.answered {
		return
	}
	for i := range d.response.Topics {
		for k := range d.response.Topics[i].Partitions {
			if part := &d.response.Topics[i].Partitions[k]; part.ErrorCode == unsettled {
				part.ErrorCode = kerr.RequestTimedOut.Code
			}
		}
	}
	d.answer()
}
