package api

import (
	"maps"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/access"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// Version notes
//
//	1  the types that are asked for; before, subscriptions of client metrics only (KIP-1142)

// listConfigResources names what has a configuration: topics and brokers.
func listConfigResources(c *Call) {
	request := c.Body.(*kmsg.ListConfigResourcesRequest)
	r := request.ResponseKind().(*kmsg.ListConfigResourcesResponse)
	r.ConfigResources = []kmsg.ListConfigResourcesResponseConfigResource{}
	if err := c.ClusterWide(access.DescribeConfigs); err != nil {
		r.ErrorCode = err.Kafka.Code
		c.Answer(r)
		return
	}
	kinds := request.ResourceTypes
	switch {
	case request.Version == 0:
		kinds = []int8{int8(kmsg.ConfigResourceTypeClientMetrics)}
	case len(kinds) == 0:
		kinds = listed
	}
	image := c.Cluster.Image()
	for _, kind := range distinct(kinds, func(k int8) int8 { return k }) {
		if !slices.Contains(listed, kind) {
			r.ErrorCode, r.ConfigResources = kerr.UnsupportedVersion.Code, nil
			break
		}
		for _, name := range configNames(image, kmsg.ConfigResourceType(kind)) {
			one := kmsg.NewListConfigResourcesResponseConfigResource()
			one.Name, one.Type = name, kind
			r.ConfigResources = append(r.ConfigResources, one)
		}
	}
	c.Answer(r)
}

// listed are the types of resources that can be listed.
var listed = []int8{int8(kmsg.ConfigResourceTypeTopic), int8(kmsg.ConfigResourceTypeBroker), int8(kmsg.ConfigResourceTypeBrokerLogger),
	int8(kmsg.ConfigResourceTypeClientMetrics), int8(kmsg.ConfigResourceTypeGroupConfig)}

// configNames are the resources of one type, in order.
func configNames(image *metadata.Image, kind kmsg.ConfigResourceType) (names []string) {
	switch kind {
	case kmsg.ConfigResourceTypeTopic:
		return topicNames(image)
	case kmsg.ConfigResourceTypeBroker, kmsg.ConfigResourceTypeBrokerLogger:
		for _, id := range slices.Sorted(maps.Keys(image.Nodes)) {
			names = append(names, strconv.Itoa(int(id)))
		}
	}
	return names
}
