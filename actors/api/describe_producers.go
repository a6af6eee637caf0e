package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/access"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/raft/partition"
)

// describeProducers tells which producers the leaders of partitions remember (KIP-664). There are
// no transactions, so none holds anything back.
func describeProducers(c *Call) {
	request := c.Body.(*kmsg.DescribeProducersRequest)
	r := request.ResponseKind().(*kmsg.DescribeProducersResponse)
	r.Topics = make([]kmsg.DescribeProducersResponseTopic, len(request.Topics))
	asked := 1 // and what begins them all
	for _, t := range request.Topics {
		asked += len(t.Partitions)
	}
	all := &several{left: asked, done: func() { c.Answer(r) }}
	for i, t := range request.Topics {
		out := &r.Topics[i]
		*out = kmsg.NewDescribeProducersResponseTopic()
		out.Topic, out.Partitions = t.Topic, make([]kmsg.DescribeProducersResponseTopicPartition, len(t.Partitions))
		for j, n := range t.Partitions {
			c.askProducers(t.Topic, n, func(states []partition.ProducerState, err *protocol.Error) {
				all.one(func() { out.Partitions[j] = describedProducers(n, states, err) })
			})
		}
	}
	all.one(func() {})
}

// askProducers asks the leader of a partition, which must be here. done is called once.
func (c *Call) askProducers(topic string, n int32, done func([]partition.ProducerState, *protocol.Error)) {
	t, err := c.Topic(topic, metadata.TopicID{}, false, access.Read)
	if err != nil {
		done(nil, err)
		return
	}
	l, err := leading(c.Cluster, t, n, -1)
	if err != nil {
		done(nil, err)
		return
	}
	l.ref.Send(&replica.Remembered{Done: done})
}

func describedProducers(n int32, states []partition.ProducerState, err *protocol.Error) kmsg.DescribeProducersResponseTopicPartition {
	out := kmsg.NewDescribeProducersResponseTopicPartition()
	out.Partition, out.ActiveProducers = n, []kmsg.DescribeProducersResponseTopicPartitionActiveProducer{}
	if err != nil {
		out.ErrorCode, out.ErrorMessage = err.Kafka.Code, protocol.Detail(err)
		return out
	}
	for _, s := range states {
		p := kmsg.NewDescribeProducersResponseTopicPartitionActiveProducer()
		p.ProducerID, p.ProducerEpoch, p.LastSequence, p.LastTimestamp = s.ID, int32(s.Epoch), s.LastSequence, s.LastTimestamp
		p.CoordinatorEpoch, p.CurrentTxnStartOffset = -1, -1
		out.ActiveProducers = append(out.ActiveProducers, p)
	}
	return out
}
