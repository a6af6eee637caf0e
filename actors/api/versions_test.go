package api

import (
	"log/slog"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/protocol"
)

// What is handled is what protocol reads, version by version, and both are what ApiVersions tells.
func TestWhatIsAdvertisedIsHandled(t *testing.T) {
	table := NewTable(&operated{}, nil, slog.New(slog.DiscardHandler))
	advertised := map[int16]kmsg.ApiVersionsResponseApiKey{}
	for _, v := range table.versions {
		advertised[v.ApiKey] = v
	}
	for key := range kmsg.Key(kmsg.MaxKey + 1) {
		known, read := protocol.Versions(key)
		handled, is := table.handlers[int16(key)]
		told, advertises := advertised[int16(key)]
		switch {
		case !read && !is && !advertises:
		case read != is || is != advertises:
			t.Errorf("%s: read %t, handled %t, advertised %t", key.Name(), read, is, advertises)
		case known.Min != handled.min || known.Max != handled.max || known.Advertised != told.MinVersion || known.Max != told.MaxVersion:
			t.Errorf("%s: read %d to %d, handled %d to %d, advertised %d to %d", key.Name(), known.Min, known.Max, handled.min, handled.max, told.MinVersion, told.MaxVersion)
		case handled.max > kmsg.RequestForKey(int16(key)).MaxVersion():
			t.Errorf("%s: version %d is not known to kmsg", key.Name(), handled.max)
		}
	}
}

// The maximum versions are those of the newest stable protocol.
func TestMaximumVersions(t *testing.T) {
	for key, want := range map[kmsg.Key]int16{
		kmsg.Produce: 13, kmsg.Fetch: 18, kmsg.ListOffsets: 11, kmsg.Metadata: 13, kmsg.OffsetCommit: 10, kmsg.OffsetFetch: 10, kmsg.FindCoordinator: 6,
		kmsg.JoinGroup: 9, kmsg.Heartbeat: 4, kmsg.LeaveGroup: 5, kmsg.SyncGroup: 5, kmsg.DescribeGroups: 6, kmsg.ListGroups: 5, kmsg.ApiVersions: 4,
		kmsg.CreateTopics: 7, kmsg.DeleteTopics: 6, kmsg.DeleteRecords: 2, kmsg.InitProducerID: 5, kmsg.OffsetForLeaderEpoch: 4, kmsg.DescribeConfigs: 4,
		kmsg.AlterConfigs: 2, kmsg.IncrementalAlterConfigs: 1, kmsg.CreatePartitions: 3, kmsg.DeleteGroups: 2, kmsg.OffsetDelete: 0, kmsg.DescribeCluster: 2,
		kmsg.ElectLeaders: 2, kmsg.AlterPartitionAssignments: 1, kmsg.ListPartitionReassignments: 0, kmsg.DescribeQuorum: 2, kmsg.UpdateFeatures: 2,
		kmsg.AddRaftVoter: 1, kmsg.RemoveRaftVoter: 0, kmsg.DescribeLogDirs: 4, kmsg.AlterReplicaLogDirs: 2,
	} {
		if got, ok := protocol.Versions(key); !ok || got.Max != want {
			t.Errorf("%s: up to %d (%t), want %d", key.Name(), got.Max, ok, want)
		}
	}
}
