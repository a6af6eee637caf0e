package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/access"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// Version notes
//
//	2  current leader epoch (KIP-320)
//	3  replica id
//	4  flexible

// offsetForLeaderEpoch tells where an epoch ends, so that a consumer can see whether its records
// are still there. An epoch that was trimmed away ends where the log begins (see
// partition.EpochEnd).
func offsetForLeaderEpoch(c *Call) {
	request := c.Body.(*kmsg.OffsetForLeaderEpochRequest)
	r := request.ResponseKind().(*kmsg.OffsetForLeaderEpochResponse)
	for _, t := range request.Topics {
		out := kmsg.NewOffsetForLeaderEpochResponseTopic()
		out.Topic = t.Topic
		topic, unknown := c.epochsOf(t.Topic)
		for _, p := range t.Partitions {
			part := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
			part.Partition, part.LeaderEpoch, part.EndOffset = p.Partition, -1, -1
			if unknown != nil {
				part.ErrorCode = protocol.Code(unknown)
			} else if l, err := leading(c.Cluster, topic, p.Partition, p.CurrentLeaderEpoch); err != nil {
				part.ErrorCode = protocol.Code(err)
			} else {
				part.LeaderEpoch, part.EndOffset = l.view.EpochEnd(p.LeaderEpoch)
			}
			out.Partitions = append(out.Partitions, part)
		}
		r.Topics = append(r.Topics, out)
	}
	c.Answer(r)
}

// epochsOf finds a topic whose epochs the client may be told: as a member of the cluster of any,
// else of what it may describe.
func (c *Call) epochsOf(name string) (*metadata.Topic, *protocol.Error) {
	if c.ClusterWide(access.ClusterAction) == nil {
		return c.anyTopic(name, metadata.TopicID{}, false)
	}
	return c.Topic(name, metadata.TopicID{}, false, access.Describe)
}
