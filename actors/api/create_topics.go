package api

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// Version notes
//
//	4  -1 partitions or replicas take the broker's settings (KIP-464)
//	5  the configs of what was created (KIP-525)
//	7  topic id

// createTopics creates topics from any node, all at once.
func createTopics(c *Call) {
	c.Go(func() {
		request := c.Body.(*kmsg.CreateTopicsRequest)
		r := request.ResponseKind().(*kmsg.CreateTopicsResponse)
		r.Topics = make([]kmsg.CreateTopicsResponseTopic, len(request.Topics))
		each := make([]func(), len(request.Topics))
		for i := range request.Topics {
			each[i] = func() { r.Topics[i] = createTopic(c, request, &request.Topics[i]) }
		}
		actors.Together(c.Cluster.Runtime(), each...)
		c.Answer(r)
	})
}

func createTopic(c *Call, request *kmsg.CreateTopicsRequest, t *kmsg.CreateTopicsRequestTopic) kmsg.CreateTopicsResponseTopic {
	out := kmsg.NewCreateTopicsResponseTopic()
	out.Topic, out.NumPartitions, out.ReplicationFactor = t.Topic, -1, -1
	n, err := requested(request, t)
	if err == nil {
		err = n.plan(c.Cluster)
	}
	if err == nil && !request.ValidateOnly {
		ctx, cancel := c.timeout(request.TimeoutMillis)
		defer cancel()
		out.TopicID, err = n.create(ctx, c.Cluster)
	}
	if err != nil {
		out.ErrorCode, out.ErrorMessage = protocol.Code(err), protocol.Detail(err)
		return out
	}
	out.NumPartitions, out.ReplicationFactor = int32(n.partitions), int16(n.replicas)
	out.Configs = createdConfigs(c.Cluster, n)
	return out
}

// requested makes of one topic of a request what is to be created.
func requested(request *kmsg.CreateTopicsRequest, t *kmsg.CreateTopicsRequestTopic) (*newTopic, error) {
	named := 0
	for _, other := range request.Topics {
		if other.Topic == t.Topic {
			named++
		}
	}
	if named > 1 {
		return nil, protocol.Errorf(kerr.InvalidRequest, "Duplicate topic name.")
	}
	if reserved(t.Topic) {
		return nil, protocol.Errorf(kerr.InvalidTopicException, "topic '%s' is created by the cluster itself", t.Topic)
	}
	n := &newTopic{name: t.Topic, partitions: int(t.NumPartitions), replicas: int(t.ReplicationFactor), configs: make(map[string]string)}
	for _, config := range t.Configs {
		if config.Value == nil {
			return nil, protocol.Errorf(kerr.InvalidConfig, "Null value not supported for topic configs: %s", config.Name)
		}
		n.configs[config.Name] = *config.Value
	}
	if len(t.ReplicaAssignment) == 0 {
		return n, nil
	}
	if t.NumPartitions != -1 || t.ReplicationFactor != -1 {
		return nil, protocol.Errorf(kerr.InvalidRequest, "A manual partition assignment was specified, but numPartitions or replicationFactor was not set to -1.")
	}
	return n, n.assign(t.ReplicaAssignment)
}

// assign takes the client's own placement.
func (n *newTopic) assign(all []kmsg.CreateTopicsRequestTopicReplicaAssignment) error {
	n.placement = make([][]metadata.NodeID, len(all))
	for _, a := range all {
		if a.Partition < 0 || int(a.Partition) >= len(all) || n.placement[a.Partition] != nil {
			return protocol.Errorf(kerr.InvalidReplicaAssignment, "partitions should be a consecutive 0-based integer sequence")
		}
		if len(a.Replicas) == 0 || len(a.Replicas) != len(all[0].Replicas) {
			return protocol.Errorf(kerr.InvalidReplicaAssignment, "all partitions should have the same number of replicas, and one at least")
		}
		n.placement[a.Partition] = slices.Clone(a.Replicas)
	}
	return nil
}

// createdConfigs are the settings that count for a topic that was created.
func createdConfigs(c Cluster, n *newTopic) []kmsg.CreateTopicsResponseTopicConfig {
	t := &metadata.Topic{Name: n.name, Configs: n.configs}
	var all []kmsg.CreateTopicsResponseTopicConfig
	for i := range metadata.TopicConfigs {
		d := &metadata.TopicConfigs[i]
		value, source := topicValue(c, t, d)
		out := kmsg.NewCreateTopicsResponseTopicConfig()
		out.Name, out.Value, out.Source = d.Name, &value, int8(source)
		all = append(all, out)
	}
	return all
}
