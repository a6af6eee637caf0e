package api

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/access"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// mostDescribed is the most partitions in one answer, Kafka's max.request.partition.size.limit.
const mostDescribed = 2000

// describeTopicPartitions tells of partitions a page at a time, topics in order of name (KIP-966).
func describeTopicPartitions(c *Call) {
	request := c.Body.(*kmsg.DescribeTopicPartitionsRequest)
	r := request.ResponseKind().(*kmsg.DescribeTopicPartitionsResponse)
	r.Topics = []kmsg.DescribeTopicPartitionsResponseTopic{}
	first := kmsg.NewDescribeTopicPartitionsRequestCursor()
	if request.Cursor != nil {
		first = *request.Cursor
	}
	if first.Partition < 0 {
		for _, t := range request.Topics { // there is no field for an error of the whole request
			out := missingTopic(t.Topic)
			out.ErrorCode = kerr.InvalidRequest.Code
			r.Topics = append(r.Topics, out)
		}
		c.Answer(r)
		return
	}
	image, room := c.Cluster.Image(), min(max(int(request.ResponsePartitionLimit), 1), mostDescribed)
	for _, name := range c.pagedTopics(image, request, first.Topic) {
		from := int32(0)
		if name == first.Topic {
			from = first.Partition
		}
		t, err := c.TopicOf(image, name, metadata.TopicID{}, false, access.Describe)
		if err != nil {
			r.Topics = append(r.Topics, c.missingTopic(name, err))
			continue
		}
		all := t.Partitions[min(int(from), len(t.Partitions)):]
		if room == 0 || len(all) > room {
			next := kmsg.NewDescribeTopicPartitionsResponseNextCursor()
			next.Topic, next.Partition = name, from+int32(room)
			r.NextCursor = &next
		}
		if room > 0 {
			r.Topics = append(r.Topics, c.topicPage(t, all[:min(room, len(all))]))
		}
		if room -= min(room, len(all)); r.NextCursor != nil {
			break
		}
	}
	c.Answer(r)
}

// pagedTopics are the topics asked for, all of them for none, from one name on and in order.
func (c *Call) pagedTopics(image *metadata.Image, request *kmsg.DescribeTopicPartitionsRequest, first string) []string {
	var names []string
	for _, t := range request.Topics {
		names = append(names, t.Topic)
	}
	if len(names) == 0 {
		names = c.TopicsOf(image, access.Describe)
	}
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(name string) bool { return name < first })
}

func missingTopic(name string) kmsg.DescribeTopicPartitionsResponseTopic {
	out := kmsg.NewDescribeTopicPartitionsResponseTopic()
	out.Topic, out.AuthorizedOperations = &name, noOperations
	out.Partitions = []kmsg.DescribeTopicPartitionsResponseTopicPartition{}
	return out
}

// missingTopic answers for a topic that is not there, or not told of.
func (c *Call) missingTopic(name string, err *protocol.Error) kmsg.DescribeTopicPartitionsResponseTopic {
	out := missingTopic(name)
	out.ErrorCode = err.Kafka.Code
	if err == errTopicDenied {
		return out
	}
	out.AuthorizedOperations = c.operations(true, access.Resource{Kind: access.Topic, Name: name})
	if err := metadata.ValidateTopicName(name); err != nil {
		out.ErrorCode = err.Kafka.Code
	}
	return out
}

func (c *Call) topicPage(t *metadata.Topic, partitions []*metadata.Partition) kmsg.DescribeTopicPartitionsResponseTopic {
	out := kmsg.NewDescribeTopicPartitionsResponseTopic()
	out.Topic, out.TopicID, out.IsInternal, out.AuthorizedOperations = &t.Name, t.ID, t.Internal, c.operations(true, access.Resource{Kind: access.Topic, Name: t.Name})
	out.Partitions = []kmsg.DescribeTopicPartitionsResponseTopicPartition{}
	for _, p := range partitions {
		known := describePartition(c.Cluster, p)
		one := kmsg.NewDescribeTopicPartitionsResponseTopicPartition()
		one.ErrorCode, one.Partition, one.LeaderID, one.LeaderEpoch = known.ErrorCode, known.Partition, known.Leader, known.LeaderEpoch
		one.Replicas, one.ISR, one.OfflineReplicas = known.Replicas, known.ISR, known.OfflineReplicas
		// raft elects whoever has all that is committed
		one.EligibleLeaderReplicas, one.LastKnownELR = []int32{}, []int32{}
		out.Partitions = append(out.Partitions, one)
	}
	return out
}
