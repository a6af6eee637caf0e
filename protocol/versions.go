package protocol

import "github.com/twmb/franz-go/pkg/kmsg"

// Range is the versions of an API that are spoken.
type Range struct {
	Min, Max int16
	// Advertised is the smallest version that ApiVersions tells: below Min only for Produce, because
	// librdkafka switches compression off for brokers that do not claim Produce v0 (KAFKA-18659).
	Advertised int16
}

// Versions returns the versions that Troupe speaks of an API: from the smallest that Kafka 4
// accepts up to the newest stable one. ok is false for APIs that Troupe does not have.
func Versions(key kmsg.Key) (r Range, ok bool) {
	r, ok = versions[key]
	return r, ok
}

var versions = map[kmsg.Key]Range{
	kmsg.Produce:                 {Min: 3, Max: 13, Advertised: 0},
	kmsg.Fetch:                   from(4, 18),
	kmsg.ListOffsets:             from(1, 11),
	kmsg.Metadata:                from(0, 13),
	kmsg.OffsetCommit:            from(2, 10),
	kmsg.OffsetFetch:             from(1, 10),
	kmsg.FindCoordinator:         from(0, 6),
	kmsg.JoinGroup:               from(0, 9),
	kmsg.Heartbeat:               from(0, 4),
	kmsg.LeaveGroup:              from(0, 5),
	kmsg.SyncGroup:               from(0, 5),
	kmsg.DescribeGroups:          from(0, 6),
	kmsg.ListGroups:              from(0, 5),
	kmsg.SASLHandshake:           from(0, 1),
	kmsg.ApiVersions:             from(0, 5),
	kmsg.CreateTopics:            from(2, 7),
	kmsg.DeleteTopics:            from(1, 6),
	kmsg.DeleteRecords:           from(0, 2),
	kmsg.InitProducerID:          from(0, 5),
	kmsg.OffsetForLeaderEpoch:    from(2, 4),
	kmsg.DescribeConfigs:         from(1, 4),
	kmsg.AlterConfigs:            from(0, 2),
	kmsg.CreatePartitions:        from(0, 3),
	kmsg.DeleteGroups:            from(0, 3),
	kmsg.IncrementalAlterConfigs: from(0, 1),
	kmsg.OffsetDelete:            from(0, 0),
	kmsg.DescribeCluster:         from(0, 2),

	kmsg.AlterPartitionAssignments:  from(0, 1),
	kmsg.ListPartitionReassignments: from(0, 0),
	kmsg.ElectLeaders:               from(0, 2),
	kmsg.DescribeQuorum:             from(0, 2),
	kmsg.AddRaftVoter:               from(0, 1),
	kmsg.RemoveRaftVoter:            from(0, 0),
	kmsg.UpdateFeatures:             from(0, 2),
	kmsg.DescribeLogDirs:            from(1, 5),
	kmsg.AlterReplicaLogDirs:        from(1, 2),

	kmsg.DescribeTopicPartitions:      from(0, 0),
	kmsg.ListConfigResources:          from(0, 1),
	kmsg.UnregisterBroker:             from(0, 0),
	kmsg.DescribeProducers:            from(0, 0),
	kmsg.ListTransactions:             from(0, 2),
	kmsg.SASLAuthenticate:             from(0, 2),
	kmsg.DescribeClientQuotas:         from(0, 1),
	kmsg.DescribeUserSCRAMCredentials: from(0, 0),
	kmsg.DescribeACLs:                 from(1, 3),
	kmsg.CreateACLs:                   from(1, 3),
	kmsg.DeleteACLs:                   from(1, 3),
	kmsg.CreateDelegationToken:        from(1, 3),
	kmsg.RenewDelegationToken:         from(1, 2),
	kmsg.ExpireDelegationToken:        from(1, 2),
	kmsg.DescribeDelegationToken:      from(1, 3),
}

func from(low, high int16) Range { return Range{Min: low, Max: high, Advertised: low} }
