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
	}
}
