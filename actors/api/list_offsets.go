package api

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/access"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/protocol"
)

// Version notes
//
//	 1  one offset a partition
//	 2  isolation level
//	 4  leader epochs
//	 7  max timestamp (KIP-734)
//	 8  earliest local timestamp (KIP-405)
//	 9  last tiered offset (KIP-1005)
//	11  earliest pending upload offset (KIP-1023)

// Timestamps that stand for a place.
const (
	latestOffset        = -1
	earliestOffset      = -2
	maxTimestampOffset  = -3
	earliestLocalOffset = -4
	latestTieredOffset  = -5
	pendingUploadOffset = -6
)

// listOffsets looks up offsets by time or place. Looking into the log may take a while, so it
// leaves the reader goroutine.
func listOffsets(c *Call) {
	c.Go(func() {
		request := c.Body.(*kmsg.ListOffsetsRequest)
		r := request.ResponseKind().(*kmsg.ListOffsetsResponse)
		for _, t := range request.Topics {
			out := kmsg.NewListOffsetsResponseTopic()
			out.Topic = t.Topic
			topic, unknown := c.Topic(t.Topic, [16]byte{}, false, access.Describe)
			for _, p := range t.Partitions {
				part := kmsg.NewListOffsetsResponseTopicPartition()
				part.Partition, part.Offset, part.Timestamp, part.LeaderEpoch = p.Partition, -1, -1, -1
				err := error(nil)
				if unknown != nil {
					err = unknown
				} else if l, refused := leading(c.Cluster, topic, p.Partition, p.CurrentLeaderEpoch); refused != nil {
					err = refused
				} else {
					err = offsetAt(l.view, p.Timestamp, request.IsolationLevel == 1, &part)
				}
				part.ErrorCode = protocol.Code(err)
				out.Partitions = append(out.Partitions, part)
			}
			r.Topics = append(r.Topics, out)
		}
		c.Answer(r)
	})
}

// offsetAt answers for one partition.
func offsetAt(v *replica.View, at int64, committed bool, part *kmsg.ListOffsetsResponseTopicPartition) error {
	switch at {
	case latestOffset:
		part.Offset = v.HighWatermark
		if committed {
			part.Offset = v.LastStable
		}
		part.LeaderEpoch = v.Epoch
		return nil
	case earliestOffset, earliestLocalOffset:
		part.Offset, part.LeaderEpoch = v.LogStart, v.EpochOf(v.LogStart)
		return nil
	case latestTieredOffset, pendingUploadOffset:
		return nil // there is no remote storage: nothing lies there
	}
	if at < pendingUploadOffset {
		return protocol.Errorf(kerr.InvalidRequest, "timestamp %d", at)
	}
	look := func() (replica.TimestampOffset, bool, error) { return v.OffsetForTime(at) }
	if at == maxTimestampOffset {
		look = v.MaxTimestamp
	}
	found, ok, err := look()
	if err == nil && ok {
		part.Offset, part.Timestamp, part.LeaderEpoch = found.Offset, found.Timestamp, found.Epoch
	}
	return err
}
