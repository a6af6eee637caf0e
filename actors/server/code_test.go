package server

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestCodeOf(t *testing.T) {
	produce := kmsg.NewPtrProduceResponse()
	produce.Topics = []kmsg.ProduceResponseTopic{{Partitions: []kmsg.ProduceResponseTopicPartition{{}, {ErrorCode: 6}, {ErrorCode: 7}}}}
	fetch := kmsg.NewPtrFetchResponse()
	fetch.Topics = []kmsg.FetchResponseTopic{{Partitions: []kmsg.FetchResponseTopicPartition{{ErrorCode: 1}}}}
	session := kmsg.NewPtrFetchResponse()
	session.ErrorCode = 70
	create := kmsg.NewPtrCreateTopicsResponse()
	create.Topics = []kmsg.CreateTopicsResponseTopic{{}, {ErrorCode: 36}}
	metadata := kmsg.NewPtrMetadataResponse()
	metadata.Topics = []kmsg.MetadataResponseTopic{{Partitions: []kmsg.MetadataResponseTopicPartition{{ErrorCode: 5}}}}
	heartbeat := kmsg.NewPtrHeartbeatResponse()
	heartbeat.ErrorCode = 27
	for _, c := range []struct {
		name     string
		response kmsg.Response
		want     int16
	}{
		{"produce, the first of several", produce, 6}, {"produce without", kmsg.NewPtrProduceResponse(), 0},
		{"a fetched partition", fetch, 1}, {"a fetch session", session, 70},
		{"a topic in a list", create, 36}, {"a partition of a topic", metadata, 5}, {"the answer's own", heartbeat, 27},
		{"none at all", kmsg.NewPtrListGroupsResponse(), 0},
	} {
		for range 2 { // the second time the plan is known
			if got := codeOf(c.response); got != c.want {
				t.Errorf("%s: %d, want %d", c.name, got, c.want)
			}
		}
	}
}
