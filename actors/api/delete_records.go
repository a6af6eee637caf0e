package api

import (
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/protocol"
)

// deleteRecords moves logs' starts: answered when all trims are committed, or when the time is up.
func deleteRecords(c *Call) {
	request := c.Body.(*kmsg.DeleteRecordsRequest)
	r := request.ResponseKind().(*kmsg.DeleteRecordsResponse)
	image := c.Cluster.Image()
	type trimmed struct{ topic, partition int }
	var mu sync.Mutex
	left := 1
	answered := false
	open := make(map[trimmed]bool)
	settle := func() { // called with mu held
		if left--; left == 0 && !answered {
			answered = true
			c.Answer(r)
		}
	}
	mu.Lock()
	for i, t := range request.Topics {
		out := kmsg.NewDeleteRecordsResponseTopic()
		out.Topic = t.Topic
		r.Topics = append(r.Topics, out)
		topic, unknown := topicOf(image, t.Topic, [16]byte{}, false)
		r.Topics[i].Partitions = make([]kmsg.DeleteRecordsResponseTopicPartition, len(t.Partitions))
		for k, p := range t.Partitions {
			part := &r.Topics[i].Partitions[k]
			part.Partition, part.LowWatermark = p.Partition, -1
			if unknown != nil {
				part.ErrorCode = protocol.Code(unknown)
				continue
			}
			l, err := leading(c.Cluster, topic, p.Partition, -1)
			if err != nil {
				part.ErrorCode = protocol.Code(err)
				continue
			}
			left++
			at := trimmed{i, k}
			open[at] = true
			l.ref.Trim(&replica.Trim{Offset: p.Offset, Done: func(start int64, err *protocol.Error) {
				mu.Lock()
				defer mu.Unlock()
				if answered {
					return
				}
				delete(open, at)
				part.LowWatermark = start
				if err != nil {
					part.ErrorCode, part.LowWatermark = err.Kafka.Code, -1
				}
				settle()
			}})
		}
	}
	settle()
	mu.Unlock()
	c.Cluster.Runtime().After(time.Duration(max(request.TimeoutMillis, 1))*time.Millisecond, func() {
		mu.Lock()
		defer mu.Unlock()
		if answered {
			return
		}
		answered = true
		for at := range open {
			r.Topics[at.topic].Partitions[at.partition].ErrorCode = kerr.RequestTimedOut.Code
		}
		c.Answer(r)
	})
}
