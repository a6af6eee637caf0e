package api

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/group"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// one coordinates all groups, or refuses to.
type one struct {
	Groups
	core    *group.Coordinator
	refused *protocol.Error
}

func (o one) Do(_ string, do Command, failed func(*protocol.Error)) {
	if o.refused != nil {
		failed(o.refused)
		return
	}
	do(1, o.core)
	o.core.Committed(1, len(o.core.TakeWrites()))
}

// A topic whose id nobody knows is told apart from a partition that its topic does not have.
func TestOffsetsOfUnknownTopicIDs(t *testing.T) {
	topic := &metadata.Topic{Name: "t", ID: metadata.TopicID{1}, Partitions: make([]*metadata.Partition, 2)}
	cluster := &operated{machine: metadata.NewMachine()}
	image := cluster.Image()
	image.Topics["t"], image.ByID[topic.ID] = topic, topic
	core := group.New(group.Config{MaxMetadataBytes: 10}, func() string { return "m" })
	for name, c := range map[string]struct {
		group   string
		refused *protocol.Error
		want    [3]*kerr.Error // the partition, one too many, the unknown topic
	}{
		"any client":          {"g", nil, [3]*kerr.Error{nil, kerr.UnknownTopicOrPartition, kerr.UnknownTopicID}},
		"no group":            {"", nil, [3]*kerr.Error{kerr.InvalidGroupID, kerr.InvalidGroupID, kerr.UnknownTopicID}},
		"not the coordinator": {"g", protocol.Errorf(kerr.NotCoordinator, "no"), [3]*kerr.Error{kerr.NotCoordinator, kerr.NotCoordinator, kerr.UnknownTopicID}},
	} {
		r := kmsg.NewPtrOffsetCommitRequest()
		r.Version, r.Group, r.Generation = 10, c.group, -1
		for _, id := range []metadata.TopicID{topic.ID, {2}} {
			asked := kmsg.NewOffsetCommitRequestTopic()
			asked.TopicID = id
			for _, p := range []int32{0, 2} {
				partition := kmsg.NewOffsetCommitRequestTopicPartition()
				partition.Partition = p
				asked.Partitions = append(asked.Partitions, partition)
			}
			r.Topics = append(r.Topics, asked)
		}
		got := answer[*kmsg.OffsetCommitResponse](t, cluster, func(call *Call) {
			call.groups = one{core: core, refused: c.refused}
			offsetCommit(call)
		}, r)
		known, unknown := got.Topics[0].Partitions, got.Topics[1].Partitions
		for at, code := range []int16{known[0].ErrorCode, known[1].ErrorCode, unknown[0].ErrorCode} {
			if err := kerr.TypedErrorForCode(code); err != c.want[at] {
				t.Errorf("%s: %v, want %v", name, err, c.want[at])
			}
		}
		if unknown[0].ErrorCode != unknown[1].ErrorCode {
			t.Errorf("%s: %v", name, unknown)
		}
	}
}
