package api

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/group"
)

// Version notes
//
//	 7  static members (KIP-345)
//	10  topic ids (KIP-848)

// offsetCommit commits a group's offsets.
func (g *groupAPI) offsetCommit(c *Call) {
	request := c.Body.(*kmsg.OffsetCommitRequest)
	topics := c.topics()
	if request.Version >= 10 {
		nameTopics(c, request)
	}
	g.groups.Do(request.Group, func(now int64, core *group.Coordinator) {
		core.Commit(now, request, topics, func(r kmsg.Response) { c.Answer(named(request, r)) })
	}, func(err *protocol.Error) {
		r := request.ResponseKind().(*kmsg.OffsetCommitResponse)
		for _, t := range request.Topics {
			topic := kmsg.NewOffsetCommitResponseTopic()
			topic.Topic, topic.TopicID = t.Topic, t.TopicID
			for _, p := range t.Partitions {
				part := kmsg.NewOffsetCommitResponseTopicPartition()
				part.Partition, part.ErrorCode = p.Partition, err.Kafka.Code
				topic.Partitions = append(topic.Partitions, part)
			}
			r.Topics = append(r.Topics, topic)
		}
		c.Answer(named(request, r))
	})
}

// nameTopics gives topics that are known by id their names.
func nameTopics(c *Call, request *kmsg.OffsetCommitRequest) {
	image := c.Cluster.Image()
	for i := range request.Topics {
		if t := image.ByID[request.Topics[i].TopicID]; t != nil {
			request.Topics[i].Topic = t.Name
		}
	}
}

// named tells of topics that are known by no name that their id is unknown, whatever else became of
// the request.
func named(request *kmsg.OffsetCommitRequest, r kmsg.Response) kmsg.Response {
	if request.Version < 10 {
		return r
	}
	for _, t := range r.(*kmsg.OffsetCommitResponse).Topics {
		if t.Topic != "" {
			continue
		}
		for k := range t.Partitions {
			t.Partitions[k].ErrorCode = kerr.UnknownTopicID.Code
		}
	}
	return r
}
