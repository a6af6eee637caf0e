package api

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/access"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// unregisterTimeoutMS bounds the request, which brings no timeout of its own.
const unregisterTimeoutMS = 30_000

// unregisterBroker takes a node out of the cluster (KIP-631). Kafka forgets a broker at once,
// whatever it holds; here the node is decommissioned: its replicas are moved first, dead or alive,
// and it is forgotten when it holds none any more.
func unregisterBroker(c *Call) {
	request := c.Body.(*kmsg.UnregisterBrokerRequest)
	c.Go(func() {
		r := request.ResponseKind().(*kmsg.UnregisterBrokerResponse)
		err := error(nil)
		if denied := c.ClusterWide(access.Alter); denied != nil {
			err = denied
		} else if c.Cluster.Image().Nodes[request.BrokerID] == nil {
			err = protocol.Errorf(kerr.BrokerIDNotRegistered, "Broker ID %d is not currently registered", request.BrokerID)
		} else {
			ctx, cancel := c.timeout(unregisterTimeoutMS)
			defer cancel()
			err = submit(ctx, c.Cluster, metadata.Command{DrainNode: &metadata.DrainNode{Node: request.BrokerID}})
		}
		r.ErrorCode, r.ErrorMessage = protocol.Code(err), protocol.Detail(err)
		c.Answer(r)
	})
}
