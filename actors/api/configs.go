package api

import (
	"strconv"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/access"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// resource is what configs belong to: a topic, or a broker (DefaultNode for all).
type resource struct {
	topic *metadata.Topic
	node  metadata.NodeID
}

// resourceOf finds the resource that a request names to do something to its configs.
func (c *Call) resourceOf(o access.Operation, kind kmsg.ConfigResourceType, name string) (resource, *protocol.Error) {
	switch kind {
	case kmsg.ConfigResourceTypeTopic:
		t, err := c.Topic(name, [16]byte{}, false, o)
		if invalid := metadata.ValidateTopicName(name); invalid != nil && err != errTopicDenied {
			return resource{}, invalid
		}
		return resource{topic: t}, err
	case kmsg.ConfigResourceTypeBroker:
		if err := c.ClusterWide(o); err != nil {
			return resource{}, err
		}
		if name == "" {
			return resource{node: metadata.DefaultNode}, nil
		}
		id, err := strconv.ParseInt(name, 10, 32)
		if err != nil {
			return resource{}, protocol.Errorf(kerr.InvalidRequest, "Broker id must be an integer, but it is: %s", name)
		}
		if c.Cluster.Image().Nodes[int32(id)] == nil {
			return resource{}, protocol.Errorf(kerr.InvalidRequest, "there is no broker %q", name)
		}
		return resource{node: int32(id)}, nil
	}
	return resource{}, protocol.Errorf(kerr.InvalidRequest, "Unexpected resource type %s: topics and brokers have configs here", kind)
}

// layer is a value that a setting has somewhere: by whose name, and who set it.
type layer struct {
	name   string
	value  string
	source kmsg.ConfigSource
}

// topicLayers returns the values of a topic's setting, the one that counts first: the topic's own,
// then those of the broker setting that is its default.
func topicLayers(c Cluster, t *metadata.Topic, d *metadata.Config) (all []layer) {
	if own, ok := t.Configs[d.Name]; ok {
		all = append(all, layer{d.Name, own, kmsg.ConfigSourceDynamicTopicConfig})
	}
	b := metadata.BrokerConfigOf(d.Broker)
	if b == nil {
		return append(all, layer{d.Name, d.Default, kmsg.ConfigSourceDefaultConfig})
	}
	all = append(all, brokerLayers(c, c.Self(), b)...)
	if all[0].source != kmsg.ConfigSourceDynamicTopicConfig {
		// some follow a second broker setting, as retention.ms does
		all[0].value = c.TopicSetting(t, d.Name)
	}
	return all
}

// brokerLayers returns the values that a broker setting has for a node, the one that counts first.
func brokerLayers(c Cluster, node metadata.NodeID, d *metadata.Config) (all []layer) {
	image := c.Image()
	own, of := image.NodeConfigs[node], image.NodeConfigs[metadata.DefaultNode]
	if v, ok := own[d.Name]; ok && node != metadata.DefaultNode {
		all = append(all, layer{d.Name, v, kmsg.ConfigSourceDynamicBrokerConfig})
	}
	if v, ok := of[d.Name]; ok {
		all = append(all, layer{d.Name, v, kmsg.ConfigSourceDynamicDefaultBrokerConfig})
	}
	if v, ok := c.Static(d.Name); ok && node == c.Self() {
		all = append(all, layer{d.Name, v, kmsg.ConfigSourceStaticBrokerConfig})
	}
	return append(all, layer{d.Name, d.Default, kmsg.ConfigSourceDefaultConfig})
}

// topicValue returns the value of a topic setting that counts, and where it comes from.
func topicValue(c Cluster, t *metadata.Topic, d *metadata.Config) (string, kmsg.ConfigSource) {
	l := topicLayers(c, t, d)[0]
	return l.value, l.source
}

// brokerValue returns the value of a broker setting that counts for a node, and where it comes
// from.
func brokerValue(c Cluster, node metadata.NodeID, d *metadata.Config) (string, kmsg.ConfigSource) {
	l := brokerLayers(c, node, d)[0]
	return l.value, l.source
}
