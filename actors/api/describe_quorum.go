package api

import (
	"maps"
	"net"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/access"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// Version notes
//
//	1  when a replica was heard of and had everything last (KIP-836)
//	2  directory ids, listeners (KIP-853)

// quorumTopic is what Kafka calls the log of the metadata.
const quorumTopic = "__cluster_metadata"

// quorumTimeoutMS bounds the question to the leader of __meta.
const quorumTimeoutMS = 5_000

// describeQuorum tells who votes in __meta and how far everybody is, as its leader knows it.
func describeQuorum(c *Call) {
	request := c.Body.(*kmsg.DescribeQuorumRequest)
	c.Go(func() {
		r := request.ResponseKind().(*kmsg.DescribeQuorumResponse)
		if err := c.ClusterWide(access.Describe); err != nil {
			r.ErrorCode, r.ErrorMessage = err.Kafka.Code, protocol.Detail(err)
			c.Answer(r)
			return
		}
		for _, t := range distinct(request.Topics, func(t kmsg.DescribeQuorumRequestTopic) string { return t.Topic }) {
			topic := kmsg.NewDescribeQuorumResponseTopic()
			topic.Topic = t.Topic
			for _, p := range distinct(t.Partitions, func(p kmsg.DescribeQuorumRequestTopicPartition) int32 { return p.Partition }) {
				topic.Partitions = append(topic.Partitions, c.describeQuorum(t.Topic, p.Partition))
			}
			r.Topics = append(r.Topics, topic)
		}
		image := c.Cluster.Image()
		for _, id := range slices.Sorted(maps.Keys(image.Nodes)) {
			n := kmsg.NewDescribeQuorumResponseNode()
			n.NodeID = id
			if host, port, err := net.SplitHostPort(image.Nodes[id].Control); err == nil {
				l := kmsg.NewDescribeQuorumResponseNodeListener()
				number, _ := strconv.ParseUint(port, 10, 16)
				l.Name, l.Host, l.Port = "CONTROLLER", host, uint16(number)
				n.Listeners = append(n.Listeners, l)
			}
			r.Nodes = append(r.Nodes, n)
		}
		c.Answer(r)
	})
}

func (c *Call) describeQuorum(topic string, partition int32) kmsg.DescribeQuorumResponseTopicPartition {
	out := kmsg.NewDescribeQuorumResponseTopicPartition()
	out.Partition, out.LeaderID, out.LeaderEpoch = partition, -1, -1
	refuse := func(err error) kmsg.DescribeQuorumResponseTopicPartition {
		out.ErrorCode, out.ErrorMessage = protocol.Code(err), protocol.Detail(err)
		return out
	}
	if topic != quorumTopic || partition != 0 {
		return refuse(protocol.Errorf(kerr.UnknownTopicOrPartition, "only %s-0 has a quorum that is described", quorumTopic))
	}
	ctx, cancel := c.timeout(quorumTimeoutMS)
	defer cancel()
	s, err := c.Cluster.Standing(ctx, metadata.MetaShard)
	if err != nil {
		return refuse(err)
	}
	out.LeaderID, out.LeaderEpoch, out.HighWatermark = s.Leader, s.Epoch, int64(s.Commit)+1
	now := c.Cluster.Runtime().Now().UnixMilli()
	image := c.Cluster.Image()
	for _, m := range s.Members {
		state := kmsg.NewDescribeQuorumResponseTopicPartitionReplicaState()
		state.ReplicaID, state.LogEndOffset = m.Node, int64(m.Match)+1
		state.LastFetchTimestamp, state.LastCaughtUpTimestamp = -1, -1
		if node := image.Nodes[m.Node]; node != nil {
			state.ReplicaDirectoryID = DirectoryID(node)
		}
		if m.InReach {
			state.LastFetchTimestamp = now
			state.LastCaughtUpTimestamp = now - m.Behind.Milliseconds()
		}
		if m.Learner {
			out.Observers = append(out.Observers, state)
		} else {
			out.CurrentVoters = append(out.CurrentVoters, state)
		}
	}
	return out
}
