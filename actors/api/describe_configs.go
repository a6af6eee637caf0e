package api

import (
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/access"
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
		var err error
		if out.Configs, err = c.describe(request, want); err != nil {
			out.ErrorCode, out.ErrorMessage = protocol.Code(err), protocol.Detail(err)
		}
		r.Resources = append(r.Resources, out)
	}
	c.Answer(r)
}

// describe lists the settings of one resource.
func (c *Call) describe(request *kmsg.DescribeConfigsRequest, want kmsg.DescribeConfigsRequestResource) ([]kmsg.DescribeConfigsResponseResourceConfig, error) {
	if want.ResourceType == kmsg.ConfigResourceTypeBrokerLogger {
		if err := c.ClusterWide(access.DescribeConfigs); err != nil {
			return nil, err
		}
		if err := checkLogger(c.Cluster, want.ResourceName); err != nil {
			return nil, err
		}
		return describeLogger(c.Cluster, want.ConfigNames), nil
	}
	at, err := c.resourceOf(access.DescribeConfigs, want.ResourceType, want.ResourceName)
	if err != nil {
		return nil, err
	}
	return describeResource(c, request, want.ConfigNames, at), nil
}

// asksFor reports whether a request names a setting, or all.
func asksFor(names []string, name string) bool { return names == nil || slices.Contains(names, name) }

func describeResource(c *Call, request *kmsg.DescribeConfigsRequest, names []string, at resource) []kmsg.DescribeConfigsResponseResourceConfig {
	all := metadata.BrokerConfigs
	values := func(d *metadata.Config) []layer { return brokerLayers(c.Cluster, at.node, d) }
	if at.topic != nil {
		all = metadata.TopicConfigs
		values = func(d *metadata.Config) []layer { return topicLayers(c.Cluster, at.topic, d) }
	}
	var out []kmsg.DescribeConfigsResponseResourceConfig
	for i := range all {
		d := &all[i]
		if !asksFor(names, d.Name) {
			continue
		}
		layers := values(d)
		if at.topic == nil && at.node == metadata.DefaultNode && layers[0].source == kmsg.ConfigSourceDefaultConfig {
			continue // of all brokers together only what was set for all is told
		}
		out = append(out, describeConfig(request, d, layers))
	}
	if at.topic == nil {
		out = append(out, describeForeign(c.Cluster.Image(), names, at.node)...)
	}
	return out
}

// describeConfig tells of a setting by its values, the one that counts first.
func describeConfig(request *kmsg.DescribeConfigsRequest, d *metadata.Config, layers []layer) kmsg.DescribeConfigsResponseResourceConfig {
	out := kmsg.NewDescribeConfigsResponseResourceConfig()
	out.Name, out.Value, out.ReadOnly, out.Source, out.ConfigType = d.Name, &layers[0].value, d.ReadOnly, layers[0].source, d.Type
	out.IsDefault = layers[0].source == kmsg.ConfigSourceDefaultConfig
	if request.IncludeDocumentation {
		out.Documentation = &d.Doc
	}
	for _, l := range layers {
		if !request.IncludeSynonyms {
			break
		}
		s := kmsg.NewDescribeConfigsResponseResourceConfigConfigSynonym()
		s.Name, s.Value, s.Source = l.name, &l.value, l.source
		out.ConfigSynonyms = append(out.ConfigSynonyms, s)
	}
	return out
}

// describeForeign tells of broker settings that were set and that nothing here knows. Their values
// are not shown: they may be secrets, as far as anybody here can tell.
func describeForeign(image *metadata.Image, names []string, node metadata.NodeID) (out []kmsg.DescribeConfigsResponseResourceConfig) {
	source := kmsg.ConfigSourceDynamicBrokerConfig
	if node == metadata.DefaultNode {
		source = kmsg.ConfigSourceDynamicDefaultBrokerConfig
	}
	for _, name := range slices.Sorted(maps.Keys(image.NodeConfigs[node])) {
		if metadata.BrokerConfigOf(name) != nil || !asksFor(names, name) {
			continue
		}
		one := kmsg.NewDescribeConfigsResponseResourceConfig()
		one.Name, one.ReadOnly, one.Source, one.IsSensitive = name, true, source, true
		out = append(out, one)
	}
	return out
}
