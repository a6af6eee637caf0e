package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/access"
)

// Rights of the table, by Kafka 4.4's list of operations and resources on protocols.
var (
	alterOnCluster            = Right{access.Alter, access.Cluster}
	alterConfigsOnCluster     = Right{access.AlterConfigs, access.Cluster}
	clusterActionOnCluster    = Right{access.ClusterAction, access.Cluster}
	createOnCluster           = Right{access.Create, access.Cluster}
	deleteOnCluster           = Right{access.Delete, access.Cluster}
	describeOnCluster         = Right{access.Describe, access.Cluster}
	describeConfigsOnCluster  = Right{access.DescribeConfigs, access.Cluster}
	idempotentWriteOnCluster  = Right{access.IdempotentWrite, access.Cluster}
	deleteOnGroup             = Right{access.Delete, access.Group}
	describeOnGroup           = Right{access.Describe, access.Group}
	readOnGroup               = Right{access.Read, access.Group}
	alterOnTopic              = Right{access.Alter, access.Topic}
	alterConfigsOnTopic       = Right{access.AlterConfigs, access.Topic}
	createOnTopic             = Right{access.Create, access.Topic}
	deleteOnTopic             = Right{access.Delete, access.Topic}
	describeOnTopic           = Right{access.Describe, access.Topic}
	describeConfigsOnTopic    = Right{access.DescribeConfigs, access.Topic}
	readOnTopic               = Right{access.Read, access.Topic}
	writeOnTopic              = Right{access.Write, access.Topic}
	describeOnTransactionalID = Right{access.Describe, access.TransactionalID}
)

// apis is the table. What no right is named for is for everybody, or, as delegation tokens, refused
// to everybody.
var apis = []API{
	{Key: kmsg.Produce, Min: 3, Max: 13, Needs: needs(writeOnTopic), bind: plain(produce)},
	{Key: kmsg.Fetch, Min: 4, Max: 18, Needs: needs(readOnTopic), Waits: true, bind: func(t *Table) func(*Call) { return t.sessions.fetch }},
	{Key: kmsg.ListOffsets, Min: 1, Max: 11, Needs: needs(describeOnTopic), bind: plain(listOffsets)},
	{Key: kmsg.Metadata, Max: 13, Needs: needs(describeOnTopic), Also: []Need{{createOnCluster, createOnTopic}, {describeOnCluster}}, bind: plain(clusterMetadata)},
	{Key: kmsg.OffsetCommit, Min: 2, Max: 10, Needs: needs(readOnGroup, readOnTopic), bind: plain(offsetCommit)},
	{Key: kmsg.OffsetFetch, Min: 1, Max: 10, Needs: needs(describeOnGroup, describeOnTopic), bind: plain(offsetFetch)},
	{Key: kmsg.FindCoordinator, Max: 6, Needs: needs(describeOnGroup), bind: plain(findCoordinator)},
	{Key: kmsg.JoinGroup, Max: 9, Needs: needs(readOnGroup), Waits: true, bind: plain(joinGroup)},
	{Key: kmsg.Heartbeat, Max: 4, Needs: needs(readOnGroup), bind: plain(heartbeat)},
	{Key: kmsg.LeaveGroup, Max: 5, Needs: needs(readOnGroup), bind: plain(leaveGroup)},
	{Key: kmsg.SyncGroup, Max: 5, Needs: needs(readOnGroup), Waits: true, bind: plain(syncGroup)},
	{Key: kmsg.DescribeGroups, Max: 6, Needs: needs(describeOnGroup), bind: plain(describeGroups)},
	{Key: kmsg.ListGroups, Max: 5, Needs: []Need{{describeOnCluster, describeOnGroup}}, bind: plain(listGroups)},
	{Key: kmsg.SASLHandshake, Max: 1, bind: plain(saslHandshake)},
	{Key: kmsg.ApiVersions, Max: 5, bind: func(t *Table) func(*Call) { return t.apiVersions }},
	{Key: kmsg.CreateTopics, Min: 2, Max: 7, Needs: []Need{{createOnCluster, createOnTopic}}, Also: needs(describeConfigsOnTopic), bind: plain(createTopics)},
	{Key: kmsg.DeleteTopics, Min: 1, Max: 6, Needs: []Need{{deleteOnCluster, deleteOnTopic}}, bind: plain(deleteTopics)},
	{Key: kmsg.DeleteRecords, Max: 2, Needs: needs(deleteOnTopic), bind: plain(deleteRecords)},
	{Key: kmsg.InitProducerID, Max: 5, Needs: []Need{{idempotentWriteOnCluster, writeOnTopic}}, bind: func(t *Table) func(*Call) { return t.ids.initProducerID }},
	{Key: kmsg.OffsetForLeaderEpoch, Min: 2, Max: 4, Needs: []Need{{clusterActionOnCluster, describeOnTopic}}, bind: plain(offsetForLeaderEpoch)},
	{Key: kmsg.DescribeACLs, Min: 1, Max: 3, Needs: needs(describeOnCluster), bind: plain(describeACLs)},
	{Key: kmsg.CreateACLs, Min: 1, Max: 3, Needs: needs(alterOnCluster), bind: plain(createACLs)},
	{Key: kmsg.DeleteACLs, Min: 1, Max: 3, Needs: needs(alterOnCluster), bind: plain(deleteACLs)},
	{Key: kmsg.DescribeConfigs, Min: 1, Max: 4, Needs: needs(describeConfigsOnCluster, describeConfigsOnTopic), bind: plain(describeConfigs)},
	{Key: kmsg.AlterConfigs, Max: 2, Needs: needs(alterConfigsOnCluster, alterConfigsOnTopic), bind: plain(alterConfigs)},
	{Key: kmsg.AlterReplicaLogDirs, Min: 1, Max: 2, Needs: needs(alterOnCluster), bind: plain(alterReplicaLogDirs)},
	{Key: kmsg.DescribeLogDirs, Min: 1, Max: 5, Needs: needs(describeOnCluster), bind: plain(describeLogDirs)},
	{Key: kmsg.SASLAuthenticate, Max: 2, bind: plain(saslAuthenticate)},
	{Key: kmsg.CreatePartitions, Max: 3, Needs: needs(alterOnTopic), bind: plain(createPartitions)},
	{Key: kmsg.CreateDelegationToken, Min: 1, Max: 3, bind: plain(createDelegationToken)},
	{Key: kmsg.RenewDelegationToken, Min: 1, Max: 2, bind: plain(renewDelegationToken)},
	{Key: kmsg.ExpireDelegationToken, Min: 1, Max: 2, bind: plain(expireDelegationToken)},
	{Key: kmsg.DescribeDelegationToken, Min: 1, Max: 3, bind: plain(describeDelegationToken)},
	{Key: kmsg.DeleteGroups, Max: 3, Needs: needs(deleteOnGroup), bind: plain(deleteGroups)},
	{Key: kmsg.ElectLeaders, Max: 2, Needs: needs(alterOnCluster), bind: plain(electLeaders)},
	{Key: kmsg.IncrementalAlterConfigs, Max: 1, Needs: needs(alterConfigsOnCluster, alterConfigsOnTopic), bind: plain(incrementalAlterConfigs)},
	{Key: kmsg.AlterPartitionAssignments, Max: 1, Needs: needs(alterOnCluster), bind: plain(alterPartitionAssignments)},
	{Key: kmsg.ListPartitionReassignments, Needs: needs(describeOnCluster), bind: plain(listPartitionReassignments)},
	{Key: kmsg.OffsetDelete, Needs: needs(deleteOnGroup, readOnTopic), bind: plain(offsetDelete)},
	{Key: kmsg.DescribeClientQuotas, Max: 1, Needs: needs(describeConfigsOnCluster), bind: plain(describeClientQuotas)},
	{Key: kmsg.DescribeUserSCRAMCredentials, Needs: needs(describeOnCluster), bind: plain(describeUserSCRAMCredentials)},
	{Key: kmsg.DescribeQuorum, Max: 2, Needs: needs(describeOnCluster), bind: plain(describeQuorum)},
	{Key: kmsg.UpdateFeatures, Max: 2, Needs: needs(alterOnCluster), bind: plain(updateFeatures)},
	{Key: kmsg.DescribeCluster, Max: 2, Also: needs(describeOnCluster), bind: plain(describeCluster)},
	{Key: kmsg.DescribeProducers, Needs: needs(readOnTopic), bind: plain(describeProducers)},
	{Key: kmsg.UnregisterBroker, Needs: needs(alterOnCluster), bind: plain(unregisterBroker)},
	{Key: kmsg.ListTransactions, Max: 2, Needs: needs(describeOnTransactionalID), bind: plain(listTransactions)},
	{Key: kmsg.ListConfigResources, Max: 1, Needs: needs(describeConfigsOnCluster), bind: plain(listConfigResources)},
	{Key: kmsg.DescribeTopicPartitions, Needs: needs(describeOnTopic), bind: plain(describeTopicPartitions)},
	{Key: kmsg.AddRaftVoter, Max: 1, Needs: needs(alterOnCluster), bind: plain(addRaftVoter)},
	{Key: kmsg.RemoveRaftVoter, Needs: needs(alterOnCluster), bind: plain(removeRaftVoter)},
}
