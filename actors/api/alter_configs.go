package api

import (
	"context"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/access"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// alterTimeoutMS bounds a change of configs, which brings no timeout of its own.
const alterTimeoutMS = 30_000

// alterConfigs replaces all settings of a resource by those given.
func alterConfigs(c *Call) {
	c.Go(func() {
		request := c.Body.(*kmsg.AlterConfigsRequest)
		r := request.ResponseKind().(*kmsg.AlterConfigsResponse)
		ctx, cancel := c.timeout(alterTimeoutMS)
		defer cancel()
		for _, want := range request.Resources {
			out := kmsg.NewAlterConfigsResponseResource()
			out.ResourceType, out.ResourceName = want.ResourceType, want.ResourceName
			set := make(map[string]*string)
			for _, config := range want.Configs {
				set[config.Name] = config.Value
			}
			err := c.alter(ctx, want.ResourceType, want.ResourceName, set, true, request.ValidateOnly)
			out.ErrorCode, out.ErrorMessage = protocol.Code(err), protocol.Detail(err)
			r.Resources = append(r.Resources, out)
		}
		c.Answer(r)
	})
}

// incrementalAlterConfigs changes the settings given and leaves the others (KIP-339).
func incrementalAlterConfigs(c *Call) {
	c.Go(func() {
		request := c.Body.(*kmsg.IncrementalAlterConfigsRequest)
		r := request.ResponseKind().(*kmsg.IncrementalAlterConfigsResponse)
		ctx, cancel := c.timeout(alterTimeoutMS)
		defer cancel()
		for _, want := range request.Resources {
			out := kmsg.NewIncrementalAlterConfigsResponseResource()
			out.ResourceType, out.ResourceName = want.ResourceType, want.ResourceName
			err := c.incrementalAlter(ctx, want, request.ValidateOnly)
			out.ErrorCode, out.ErrorMessage = protocol.Code(err), protocol.Detail(err)
			r.Resources = append(r.Resources, out)
		}
		c.Answer(r)
	})
}

func (c *Call) incrementalAlter(ctx context.Context, want kmsg.IncrementalAlterConfigsRequestResource, validateOnly bool) error {
	if want.ResourceType == kmsg.ConfigResourceTypeBrokerLogger {
		if err := c.ClusterWide(access.AlterConfigs); err != nil {
			return err
		}
		return alterLogger(c.Cluster, want, validateOnly)
	}
	set, err := c.increments(want)
	if err != nil {
		return err
	}
	return c.alter(ctx, want.ResourceType, want.ResourceName, set, false, validateOnly)
}

// alter checks and submits a change; a nil value removes the setting.
func (c *Call) alter(ctx context.Context, kind kmsg.ConfigResourceType, name string, set map[string]*string, replace, validateOnly bool) error {
	at, err := c.resourceOf(access.AlterConfigs, kind, name)
	if err != nil {
		return err
	}
	for name, value := range set {
		if err := checkSetting(at, name, value, replace); err != nil {
			return err
		}
	}
	if err := checkForeign(c.Cluster.Image(), at, set); err != nil {
		return err
	}
	if at.topic != nil {
		if err := checkPairs(c.Cluster, at.topic.Name, changed(at.topic.Configs, set, replace)); err != nil {
			return err
		}
	}
	if validateOnly {
		return nil
	}
	command := &metadata.AlterConfigs{Set: set, Replace: replace}
	if at.topic != nil {
		command.Topic = &at.topic.ID
	} else {
		command.Node = &at.node
	}
	return submit(ctx, c.Cluster, metadata.Command{AlterConfigs: command})
}

func checkSetting(at resource, name string, value *string, replace bool) *protocol.Error {
	if value == nil && replace {
		return protocol.Errorf(kerr.InvalidRequest, "Null value not supported for : %s", name)
	}
	if at.topic == nil {
		return checkBrokers(name, value)
	}
	d := metadata.TopicConfigOf(name)
	switch {
	case d == nil:
		return protocol.Errorf(kerr.InvalidConfig, "Unknown topic config name: %s", name)
	case value == nil:
		return nil
	}
	return d.Check(*value)
}

// checkBrokers tells why a broker setting may not be set to a value. One that is not known is kept,
// as Kafka does: plugins have settings of their own.
func checkBrokers(name string, value *string) *protocol.Error {
	d := metadata.BrokerConfigOf(name)
	switch {
	case d == nil && name == "":
		return protocol.Errorf(kerr.InvalidRequest, "a setting needs a name")
	case d == nil:
		return nil
	case d.ReadOnly:
		return protocol.Errorf(kerr.InvalidRequest, "Cannot update these configs dynamically: [%s]: set it where the node is started", name)
	case value == nil:
		return nil
	}
	if err := d.Check(*value); err != nil {
		return protocol.Errorf(kerr.InvalidRequest, "%s", err.Detail)
	}
	return nil
}

// Bounds of settings that nothing here knows: every node holds them in memory.
const (
	mostForeign  = 100  // of one node
	longestName  = 249  // bytes
	longestValue = 4096 // bytes
)

// checkForeign holds the settings that nothing here knows to their bounds.
func checkForeign(image *metadata.Image, at resource, set map[string]*string) *protocol.Error {
	if at.topic != nil {
		return nil
	}
	foreign := make(map[string]bool)
	for name := range image.NodeConfigs[at.node] {
		if metadata.BrokerConfigOf(name) == nil {
			foreign[name] = true
		}
	}
	for name, value := range set {
		if metadata.BrokerConfigOf(name) != nil || value == nil {
			continue
		}
		if foreign[name] = true; len(name) > longestName || len(*value) > longestValue {
			return protocol.Errorf(kerr.InvalidConfig, "a setting that is not known may have a name of %d bytes and a value of %d", longestName, longestValue)
		}
	}
	if len(foreign) > mostForeign {
		return protocol.Errorf(kerr.InvalidConfig, "a broker keeps %d settings that are not known", mostForeign)
	}
	return nil
}

// increments makes of a request's operations the values that result.
func (c *Call) increments(want kmsg.IncrementalAlterConfigsRequestResource) (map[string]*string, error) {
	at, err := c.resourceOf(access.AlterConfigs, want.ResourceType, want.ResourceName)
	if err != nil {
		return nil, err
	}
	set := make(map[string]*string)
	for _, config := range want.Configs {
		if _, twice := set[config.Name]; twice {
			return nil, protocol.Errorf(kerr.InvalidRequest, "Error due to duplicate config keys: %s", config.Name)
		}
		value, err := increment(c.Cluster, at, config)
		if err != nil {
			return nil, err
		}
		set[config.Name] = value
	}
	return set, nil
}

func increment(c Cluster, at resource, config kmsg.IncrementalAlterConfigsRequestResourceConfig) (*string, error) {
	if config.Op == kmsg.IncrementalAlterConfigOpDelete {
		return nil, nil
	}
	if config.Value == nil {
		return nil, protocol.Errorf(kerr.InvalidRequest, "Null value not supported for : %s", config.Name)
	}
	if config.Op == kmsg.IncrementalAlterConfigOpSet {
		return config.Value, nil
	}
	d := metadata.BrokerConfigOf(config.Name)
	if at.topic != nil {
		d = metadata.TopicConfigOf(config.Name)
	}
	if d == nil || d.Type != kmsg.ConfigTypeList || config.Op > kmsg.IncrementalAlterConfigOpSubtract {
		return nil, protocol.Errorf(kerr.InvalidConfig, "Config value append or subtract is not allowed for config key: %s", config.Name)
	}
	before, _ := brokerValue(c, at.node, d)
	if at.topic != nil {
		before, _ = topicValue(c, at.topic, d)
	}
	after := changeList(before, *config.Value, config.Op == kmsg.IncrementalAlterConfigOpAppend)
	return &after, nil
}

// changeList adds the items of one list to another, or takes them out.
func changeList(before, items string, add bool) string {
	list := strings.FieldsFunc(before, func(r rune) bool { return r == ',' })
	changed := strings.Split(items, ",")
	if add {
		return strings.Join(distinct(slices.Concat(list, changed), func(s string) string { return s }), ",")
	}
	gone := make(map[string]bool, len(changed))
	for _, item := range changed {
		gone[item] = true
	}
	return strings.Join(slices.DeleteFunc(list, func(s string) bool { return gone[s] }), ",")
}
