package api

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/access"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/group"
)

// Version notes
//
//	 7  static members (KIP-345)
//	10  topic ids (KIP-848)

// offsetCommit commits a group's offsets.
func offsetCommit(c *Call) {
	request := c.Body.(*kmsg.OffsetCommitRequest)
	topics := c.topics(access.Read)
	if request.Version >= 10 {
		nameTopics(c, request)
	}
	all := request.Topics
	denied := c.keepReadable(request)
	if len(all) > 0 && len(request.Topics) == 0 && c.may(access.Read, access.Group, request.Group) {
		r := request.ResponseKind().(*kmsg.OffsetCommitResponse)
		r.Topics = denied
		c.Answer(r) // nothing is left to be committed
		return
	}
	c.Group(request.Group, access.Read).Do(func(now int64, core *group.Coordinator) {
		core.Commit(now, request, topics, func(r kmsg.Response) {
			out := named(request, r)
			out.Topics = append(out.Topics, denied...)
			c.Answer(out)
		})
	}, func(err *protocol.Error) {
		r := request.ResponseKind().(*kmsg.OffsetCommitResponse)
		for _, t := range all {
			r.Topics = append(r.Topics, uncommitted(t, err))
		}
		c.Answer(named(request, r))
	})
}

// nameTopics gives topics that are known by id their names.
func nameTopics(c *Call, request *kmsg.OffsetCommitRequest) {
	for i := range request.Topics {
		if t, err := c.anyTopic("", request.Topics[i].TopicID, true); err == nil {
			request.Topics[i].Topic = t.Name
		}
	}
}

// keepReadable leaves of a request the topics that the client may read, and returns the answers for
// the others. A topic whose id is not known has no name that anything could be allowed for.
func (c *Call) keepReadable(request *kmsg.OffsetCommitRequest) (denied []kmsg.OffsetCommitResponseTopic) {
	var kept []kmsg.OffsetCommitRequestTopic
	for _, t := range request.Topics {
		if unknown := request.Version >= 10 && t.Topic == ""; unknown || c.may(access.Read, access.Topic, t.Topic) {
			kept = append(kept, t)
		} else {
			denied = append(denied, uncommitted(t, errTopicDenied))
		}
	}
	request.Topics = kept
	return denied
}

// uncommitted answers for a topic of which nothing is committed.
func uncommitted(t kmsg.OffsetCommitRequestTopic, err *protocol.Error) kmsg.OffsetCommitResponseTopic {
	topic := kmsg.NewOffsetCommitResponseTopic()
	topic.Topic, topic.TopicID = t.Topic, t.TopicID
	for _, p := range t.Partitions {
		part := kmsg.NewOffsetCommitResponseTopicPartition()
		part.Partition, part.ErrorCode = p.Partition, err.Kafka.Code
		topic.Partitions = append(topic.Partitions, part)
	}
	return topic
}

// named tells of topics that are known by no name that their id is unknown, whatever else became of
// the request.
func named(request *kmsg.OffsetCommitRequest, r kmsg.Response) *kmsg.OffsetCommitResponse {
	out := r.(*kmsg.OffsetCommitResponse)
	if request.Version < 10 {
		return out
	}
	for _, t := range out.Topics {
		if t.Topic != "" {
			continue
		}
		for k := range t.Partitions {
			t.Partitions[k].ErrorCode = kerr.UnknownTopicID.Code
		}
	}
	return out
}
