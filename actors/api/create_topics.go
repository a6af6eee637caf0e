package api

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/access"
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
		whole, named := tooManyTopics(c.Cluster, request), timesNamed(request)
		inParts(c.Cluster.Runtime(), len(request.Topics), func(i int) {
			t := &request.Topics[i]
			r.Topics[i] = createTopic(c, request, t, named[t.Topic] > 1, whole)
		})
		c.Answer(r)
	})
}

// tooManyTopics tells why a request asks for more partitions than one may; nil if it does not.
func tooManyTopics(c Cluster, request *kmsg.CreateTopicsRequest) *protocol.Error {
	total := 0
	for _, t := range request.Topics {
		switch {
		case len(t.ReplicaAssignment) > 0:
			total += len(t.ReplicaAssignment)
		case t.NumPartitions == -1:
			total += int(setting(c, "num.partitions"))
		default:
			total += int(max(t.NumPartitions, 0))
		}
	}
	if total > mostPartitionsAtOnce {
		return errTooManyAtOnce
	}
	return nil
}

// timesNamed counts how often a request has each name.
func timesNamed(request *kmsg.CreateTopicsRequest) map[string]int {
	named := make(map[string]int, len(request.Topics))
	for _, t := range request.Topics {
		named[t.Topic]++
	}
	return named
}

// createTopic creates one topic, unless the request names it twice or is refused as a whole.
func createTopic(c *Call, request *kmsg.CreateTopicsRequest, t *kmsg.CreateTopicsRequestTopic, twice bool, whole *protocol.Error) kmsg.CreateTopicsResponseTopic {
	out := kmsg.NewCreateTopicsResponseTopic()
	out.Topic, out.NumPartitions, out.ReplicationFactor = t.Topic, -1, -1
	n, err := requested(t, twice)
	if !twice && c.ClusterWide(access.Create) != nil && !c.may(access.Create, access.Topic, t.Topic) {
		err = errTopicDenied
	}
	if whole != nil && err != errTopicDenied {
		err = whole
	}
	ctx, cancel := c.timeout(request.TimeoutMillis)
	defer cancel()
	if err == nil && n.replicas == -1 && n.placement == nil {
		err = c.Cluster.AwaitFormed(ctx)
	}
	if err == nil {
		err = n.plan(c.Cluster)
	}
	if err == nil && !request.ValidateOnly {
		out.TopicID, err = n.createAgain(ctx, c.Cluster)
	}
	if err != nil {
		out.ErrorCode, out.ErrorMessage = protocol.Code(err), protocol.Detail(err)
		return out
	}
	if c.may(access.DescribeConfigs, access.Topic, n.name) {
		out.NumPartitions, out.ReplicationFactor = int32(n.partitions), int16(n.replicas)
		out.Configs = createdConfigs(c.Cluster, n)
	} else {
		out.ConfigErrorCode = errTopicDenied.Kafka.Code
	}
	out.ErrorMessage = c.warnOfTwo(n.name, max(n.replicas, n.wanted))
	return out
}

// requested makes of one topic of a request what is to be created.
func requested(t *kmsg.CreateTopicsRequestTopic, twice bool) (*newTopic, error) {
	if twice {
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
		// never nil: the place is taken
		n.placement[a.Partition] = append([]metadata.NodeID{}, a.Replicas...)
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
