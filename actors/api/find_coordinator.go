package api

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/access"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/coordination"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// Version notes
//
//	1  kinds of coordinators
//	4  several keys (KIP-699)
//	6  share groups (KIP-932)

// offsetsTimeoutMS bounds the creation of __consumer_offsets.
const offsetsTimeoutMS = 10_000

// findCoordinator tells which node coordinates groups. The first who asks has __consumer_offsets
// created.
func findCoordinator(c *Call) {
	request := c.Body.(*kmsg.FindCoordinatorRequest)
	_, missing := topicNamed(c.Cluster.Image(), metadata.ConsumerOffsets)
	if request.CoordinatorType != 0 || missing == nil || !c.seesSome(request) {
		c.Answer(coordinators(c, request))
		return
	}
	c.Go(func() {
		ctx, cancel := c.timeout(offsetsTimeoutMS)
		defer cancel()
		// If it fails the answer below says that there is no coordinator yet, and the client asks again.
		_ = internalTopic(ctx, c.Cluster, metadata.ConsumerOffsets, "offsets.topic.num.partitions", "offsets.topic.replication.factor")
		c.Answer(coordinators(c, request))
	})
}

// seesSome reports whether a client may be told the coordinator of a group that it asks for.
func (c *Call) seesSome(request *kmsg.FindCoordinatorRequest) bool {
	keys := request.CoordinatorKeys
	if request.Version < 4 {
		keys = []string{request.CoordinatorKey}
	}
	return slices.ContainsFunc(keys, func(key string) bool { return c.may(access.Describe, access.Group, key) })
}

func coordinators(c *Call, request *kmsg.FindCoordinatorRequest) *kmsg.FindCoordinatorResponse {
	r := request.ResponseKind().(*kmsg.FindCoordinatorResponse)
	if request.Version < 4 {
		one := coordinatorOf(c, request.CoordinatorType, request.CoordinatorKey)
		r.ErrorCode, r.ErrorMessage, r.NodeID, r.Host, r.Port = one.ErrorCode, one.ErrorMessage, one.NodeID, one.Host, one.Port
		return r
	}
	for _, key := range request.CoordinatorKeys {
		r.Coordinators = append(r.Coordinators, coordinatorOf(c, request.CoordinatorType, key))
	}
	return r
}

func coordinatorOf(c *Call, kind int8, key string) kmsg.FindCoordinatorResponseCoordinator {
	out := kmsg.NewFindCoordinatorResponseCoordinator()
	out.Key, out.NodeID, out.Port = key, -1, -1
	at, node, err := locate(c, kind, key)
	if err != nil {
		out.ErrorCode, out.ErrorMessage = err.Kafka.Code, protocol.Detail(err)
		return out
	}
	out.NodeID, out.Host, out.Port = node, at.Host, at.Port
	return out
}

// locate finds the node that leads a group's partition.
func locate(c *Call, kind int8, key string) (metadata.Listener, metadata.NodeID, *protocol.Error) {
	switch {
	case kind == 0 && !c.may(access.Describe, access.Group, key):
		return metadata.Listener{}, -1, errGroupDenied
	case kind == 1 && c.TransactionalID(key, access.Describe) != nil:
		return metadata.Listener{}, -1, errTransactionalDenied
	case kind == 1:
		return metadata.Listener{}, -1, protocol.Errorf(kerr.TransactionalIDAuthorizationFailed, "transactions are not offered by this version")
	case kind != 0:
		return metadata.Listener{}, -1, protocol.Errorf(kerr.InvalidRequest, "coordinators of type %d are not kept", kind)
	case key == "":
		return metadata.Listener{}, -1, protocol.Errorf(kerr.InvalidGroupID, "the group id is empty")
	}
	image := c.Cluster.Image()
	t, missing := topicNamed(image, metadata.ConsumerOffsets)
	if missing != nil {
		return metadata.Listener{}, -1, protocol.Errorf(kerr.CoordinatorNotAvailable, "%s is being created", metadata.ConsumerOffsets)
	}
	l := c.Cluster.Leadership(t.Partitions[coordination.PartitionOf(key, len(t.Partitions))].Shard)
	node := image.Nodes[l.Node]
	if !l.Known || node == nil {
		return metadata.Listener{}, -1, protocol.Errorf(kerr.CoordinatorNotAvailable, "the group's partition of %s has no leader now", metadata.ConsumerOffsets)
	}
	at, _ := endpoint(node, c.Listener)
	return at, l.Node, nil
}
