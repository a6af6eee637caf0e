package api

import (
	"strconv"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// resource is what configs belong to: a topic, or a broker (DefaultNode for all).
type resource struct {
	topic *metadata.Topic
	node  metadata.NodeID
}

// resourceOf finds the resource that a request names.
func resourceOf(image *metadata.Image, kind kmsg.ConfigResourceType, name string) (resource, *protocol.Error) {
	switch kind {
	case kmsg.ConfigResourceTypeTopic:
		if err := metadata.ValidateTopicName(name); err != nil {
			return resource{}, err
		}
		t, err := topicOf(image, name, [16]byte{}, false)
		return resource{topic: t}, err
	case kmsg.ConfigResourceTypeBroker:
		if name == "" {
			return resource{node: metadata.DefaultNode}, nil
		}
		id, err := strconv.ParseInt(name, 10, 32)
		if err != nil || image.Nodes[int32(id)] == nil {
			return resource{}, protocol.Errorf(kerr.InvalidRequest, "there is no broker %q", name)
		}
		return resource{node: int32(id)}, nil
	}
	return resource{}, protocol.Errorf(kerr.InvalidRequest, "configs of resource type %d are not kept", kind)
}

// topicValue returns the value of a topic setting that counts, and where it comes from.
func topicValue(c Cluster, t *metadata.Topic, d *metadata.Config) (string, kmsg.ConfigSource) {
	value, source := c.TopicSetting(t, d.Name), kmsg.ConfigSourceDefaultConfig
	if _, own := t.Configs[d.Name]; own {
		source = kmsg.ConfigSourceDynamicTopicConfig
	} else if b := metadata.BrokerConfigOf(d.Broker); b != nil {
		_, source = brokerValue(c, c.Self(), b)
	}
	return value, source
}

// brokerValue returns the value of a broker setting that counts for a node, and where it comes from.
func brokerValue(c Cluster, node metadata.NodeID, d *metadata.Config) (string, kmsg.ConfigSource) {
	image := c.Image()
	if v, ok := image.NodeConfigs[node][d.Name]; ok && node != metadata.DefaultNode {
		return v, kmsg.ConfigSourceDynamicBrokerConfig
	}
	if v, ok := image.NodeConfigs[metadata.DefaultNode][d.Name]; ok {
		return v, kmsg.ConfigSourceDynamicDefaultBrokerConfig
	}
	if v := c.Setting(d.Name); node == c.Self() && v != d.Default {
		return v, kmsg.ConfigSourceStaticBrokerConfig
	}
	return d.Default, kmsg.ConfigSourceDefaultConfig
}
