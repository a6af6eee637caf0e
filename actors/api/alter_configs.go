package api

import (
	"context"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

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
			err := alter(ctx, c.Cluster, want.ResourceType, want.ResourceName, set, true, request.ValidateOnly)
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
			set, err := increments(c.Cluster, want)
			if err == nil {
				err = alter(ctx, c.Cluster, want.ResourceType, want.ResourceName, set, false, request.ValidateOnly)
			}
			out.ErrorCode, out.ErrorMessage = protocol.Code(err), protocol.Detail(err)
			r.Resources = append(r.Resources, out)
		}
		c.Answer(r)
	})
}

// alter checks and submits a change; a nil value removes the setting.
func alter(ctx context.Context, c Cluster, kind kmsg.ConfigResourceType, name string, set map[string]*string, replace, validateOnly bool) error {
	at, err := resourceOf(c.Image(), kind, name)
	if err != nil {
		return err
	}
	for name, value := range set {
		if err := checkSetting(at, name, value, replace); err != nil {
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
	return submit(ctx, c, metadata.Command{AlterConfigs: command})
}

func checkSetting(at resource, name string, value *string, replace bool) *protocol.Error {
	d := metadata.BrokerConfigOf(name)
	if at.topic != nil {
		d = metadata.TopicConfigOf(name)
	}
	switch {
	case d == nil:
		return protocol.Errorf(kerr.InvalidConfig, "Unknown config name: %s", name)
	case value == nil && replace:
		return protocol.Errorf(kerr.InvalidRequest, "Null value not supported for : %s", name)
	case at.topic == nil && d.ReadOnly:
		return protocol.Errorf(kerr.InvalidRequest, "Cannot update these configs dynamically: %s: set it where the node is started", name)
	case value == nil:
		return nil
	}
	return d.Check(*value)
}

// increments makes of a request's operations the values that result.
func increments(c Cluster, want kmsg.IncrementalAlterConfigsRequestResource) (map[string]*string, error) {
	at, err := resourceOf(c.Image(), want.ResourceType, want.ResourceName)
	if err != nil {
		return nil, err
	}
	set := make(map[string]*string)
	for _, config := range want.Configs {
		if _, twice := set[config.Name]; twice {
			return nil, protocol.Errorf(kerr.InvalidRequest, "Error due to duplicate config keys: %s", config.Name)
		}
		value, err := increment(c, at, config)
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
