package api

import "github.com/twmb/franz-go/pkg/kmsg"

func adminHandlers() []handler {
	return []handler{
		{kmsg.Metadata, 0, 13, clusterMetadata},
		{kmsg.CreateTopics, 2, 7, createTopics},
		{kmsg.DeleteTopics, 1, 6, deleteTopics},
		{kmsg.CreatePartitions, 0, 3, createPartitions},
		{kmsg.DescribeConfigs, 1, 4, describeConfigs},
		{kmsg.AlterConfigs, 0, 2, alterConfigs},
		{kmsg.IncrementalAlterConfigs, 0, 1, incrementalAlterConfigs},
		{kmsg.DescribeCluster, 0, 2, describeCluster},
		{kmsg.AlterPartitionAssignments, 0, 1, alterPartitionAssignments},
		{kmsg.ListPartitionReassignments, 0, 0, listPartitionReassignments},
		{kmsg.ElectLeaders, 0, 2, electLeaders},
		{kmsg.DescribeQuorum, 0, 2, describeQuorum},
		{kmsg.AddRaftVoter, 0, 1, addRaftVoter},
		{kmsg.RemoveRaftVoter, 0, 0, removeRaftVoter},
		{kmsg.UpdateFeatures, 0, 2, updateFeatures},
		{kmsg.DescribeLogDirs, 1, 5, describeLogDirs},
		{kmsg.AlterReplicaLogDirs, 1, 2, alterReplicaLogDirs},
		{kmsg.DescribeTopicPartitions, 0, 0, describeTopicPartitions},
		{kmsg.ListConfigResources, 0, 1, listConfigResources},
		{kmsg.UnregisterBroker, 0, 0, unregisterBroker},
		{kmsg.DescribeProducers, 0, 0, describeProducers},
		{kmsg.ListTransactions, 0, 2, listTransactions},
		{kmsg.DescribeClientQuotas, 0, 1, describeClientQuotas},
		{kmsg.DescribeUserSCRAMCredentials, 0, 0, describeUserSCRAMCredentials},
		{kmsg.DescribeACLs, 1, 3, describeACLs},
		{kmsg.CreateACLs, 1, 3, createACLs},
		{kmsg.DeleteACLs, 1, 3, deleteACLs},
		{kmsg.CreateDelegationToken, 1, 3, createDelegationToken},
		{kmsg.RenewDelegationToken, 1, 2, renewDelegationToken},
		{kmsg.ExpireDelegationToken, 1, 2, expireDelegationToken},
		{kmsg.DescribeDelegationToken, 1, 3, describeDelegationToken},
	}
}
