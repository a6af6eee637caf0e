package api

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/protocol"
)

// diverging compares what a reader says that it fetched last, by epoch (from version 12 on; -1 if
// it does not say), with the log, and reports whether the log goes another way: out then says where
// the two part, or why nobody knows. As Kafka's Partition.fetchRecords.
func diverging(v *replica.View, want kmsg.FetchRequestTopicPartition, out *kmsg.FetchResponseTopicPartition) bool {
	asked, offset := want.LastFetchedEpoch, want.FetchOffset
	if asked < 0 || offset < v.LogStart || v.Role != replica.Leader && offset > v.HighWatermark {
		// a follower may know less of the log than the reader, and what lies before the start is out of
		// range in any case
		return false
	}
	epoch, end := v.EpochEnd(asked)
	switch {
	case epoch < 0:
		out.ErrorCode = protocol.Code(protocol.Errorf(kerr.OffsetOutOfRange, "the end of epoch %d is not known", asked))
	case epoch < asked || end < offset:
		out.DivergingEpoch.Epoch, out.DivergingEpoch.EndOffset = epoch, end
	default:
		return false
	}
	return true
}
