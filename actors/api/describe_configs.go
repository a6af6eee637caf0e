package api

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// Version notes
//
//	1  sources and synonyms (KIP-226)
//	3  types and documentation (KIP-569)

// describeConfigs lists the settings of topics and brokers.
func describeConfigs(c *Call) {
	request := c.Body.(*kmsg.DescribeConfigsRequest)
	r := request.ResponseKind().(*kmsg.DescribeConfigsResponse)
	type named struct {
		kind kmsg.ConfigResourceType
		name string
	}
	resources := distinct(request.Resources, func(r kmsg.DescribeConfigsRequestResource) named { return named{r.ResourceType, r.ResourceName} })
	for _, want := range resources {
		out := kmsg.NewDescribeConfigsResponseResource()
		out.ResourceType, out.ResourceName = want.ResourceType, want.ResourceName
		at, err := resourceOf(c.Cluster.Image(), want.ResourceType, want.ResourceName)
		if err != nil {
			out.ErrorCode, out.ErrorMessage = protocol.Code(err), protocol.Detail(err)
		} else {
			out.Configs = describeResource(c, request, want.ConfigNames, at)
		}
		r.Resources = append(r.Resources, out)
	}
	c.Answer(r)
}

func describeResource(c *Call, request *kmsg.DescribeConfigsRequest, names []string, at resource) []kmsg.DescribeConfigsResponseResourceConfig {
	all := metadata.BrokerConfigs
	value := func(d *metadata.Config) (string, kmsg.ConfigSource) { return brokerValue(c.Cluster, at.node, d) }
	if at.topic != nil {
		all = metadata.TopicConfigs
		value = func(d *metadata.Config) (string, kmsg.ConfigSource) { return topicValue(c.Cluster, at.topic, d) }
	}
	var out []kmsg.DescribeConfigsResponseResourceConfig
	for i := range all {
		d := &all[i]
		if names != nil && !slices.Contains(names, d.Name) {
			continue
		}
		v, source := value(d)
		if at.topic == nil && at.node == metadata.DefaultNode && source == kmsg.ConfigSourceDefaultConfig {
			continue // of all brokers together only what was set for all is told
		}
		out = append(out, describeConfig(request, d, v, source))
	}
	return out
}

func describeConfig(request *kmsg.DescribeConfigsRequest, d *metadata.Config, value string, source kmsg.ConfigSource) kmsg.DescribeConfigsResponseResourceConfig {
	out := kmsg.NewDescribeConfigsResponseResourceConfig()
	out.Name, out.Value, out.ReadOnly, out.Source, out.ConfigType = d.Name, &value, d.ReadOnly, source, d.Type
	out.IsDefault = source == kmsg.ConfigSourceDefaultConfig
	if request.IncludeDocumentation {
		out.Documentation = &d.Doc
	}
	if request.IncludeSynonyms {
		out.ConfigSynonyms = append(out.ConfigSynonyms, synonym(d.Name, value, source))
		if source != kmsg.ConfigSourceDefaultConfig {
			name := d.Name
			if d.Broker != "" {
				name = d.Broker
			}
			out.ConfigSynonyms = append(out.ConfigSynonyms, synonym(name, d.Default, kmsg.ConfigSourceDefaultConfig))
		}
	}
	return out
}

func synonym(name, value string, source kmsg.ConfigSource) kmsg.DescribeConfigsResponseResourceConfigConfigSynonym {
	s := kmsg.NewDescribeConfigsResponseResourceConfigConfigSynonym()
	s.Name, s.Value, s.Source = name, &value, source
	return s
}
