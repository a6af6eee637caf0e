package api

import (
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// describeCluster tells the cluster's id and nodes (KIP-700). In version 1 a client may ask for
// controllers instead of brokers, which it is only told of by controllers.
func describeCluster(c *Call) {
	request := c.Body.(*kmsg.DescribeClusterRequest)
	r := request.ResponseKind().(*kmsg.DescribeClusterResponse)
	r.ClusterAuthorizedOperations = c.clusterOperations(request.IncludeClusterAuthorizedOperations)
	r.EndpointType = 1
	if request.Version >= 1 && request.EndpointType != 1 {
		r.ErrorCode = kerr.MismatchedEndpointType.Code
		c.Answer(r)
		return
	}
	image := c.Cluster.Image()
	r.ClusterID, r.ControllerID = image.ClusterID, controller(c.Cluster)
	for _, id := range slices.Sorted(maps.Keys(image.Nodes)) {
		at, ok := endpoint(image.Nodes[id], c.Listener)
		alive := c.Cluster.Alive(id)
		if !ok || !alive && !request.IncludeFencedBrokers {
			continue
		}
		b := kmsg.NewDescribeClusterResponseBroker()
		b.NodeID, b.Host, b.Port, b.Rack, b.IsFenced = id, at.Host, at.Port, rack(image.Nodes[id]), !alive
		r.Brokers = append(r.Brokers, b)
	}
	c.Answer(r)
}
