//go:build !race

package api_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// A topic whose records may not be compacted before they must be is refused, when it is created and
// when its settings change, also when one of the two is the broker's.
func TestSettingsThatDoNotGoTogether(t *testing.T) {
	const least, most = "min.compaction.lag.ms", "max.compaction.lag.ms"
	c := newCluster(t, map[string]string{most: "2000"})
	create := func(configs map[string]string) int16 {
		r, topic := kmsg.NewPtrCreateTopicsRequest(), kmsg.NewCreateTopicsRequestTopic()
		r.Version, r.ValidateOnly = 7, true
		topic.Topic, topic.NumPartitions, topic.ReplicationFactor = "another", 1, 1
		for name, value := range configs {
			topic.Configs = append(topic.Configs, kmsg.CreateTopicsRequestTopicConfig{Name: name, Value: &value})
		}
		r.Topics = append(r.Topics, topic)
		return ask[*kmsg.CreateTopicsResponse](c, r).Topics[0].ErrorCode
	}
	alter := func(name, value string, op kmsg.IncrementalAlterConfigOp) int16 {
		r, resource := kmsg.NewPtrIncrementalAlterConfigsRequest(), kmsg.NewIncrementalAlterConfigsRequestResource()
		r.Version, r.ValidateOnly = 1, true
		resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeTopic, c.topic
		resource.Configs = append(resource.Configs, kmsg.IncrementalAlterConfigsRequestResourceConfig{Name: name, Op: op, Value: &value})
		r.Resources = append(r.Resources, resource)
		return ask[*kmsg.IncrementalAlterConfigsResponse](c, r).Resources[0].ErrorCode
	}
	replace := func(name, value string) int16 {
		r, resource := kmsg.NewPtrAlterConfigsRequest(), kmsg.NewAlterConfigsRequestResource()
		r.Version, r.ValidateOnly = 2, true
		resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeTopic, c.topic
		resource.Configs = append(resource.Configs, kmsg.AlterConfigsRequestResourceConfig{Name: name, Value: &value})
		r.Resources = append(r.Resources, resource)
		return ask[*kmsg.AlterConfigsResponse](c, r).Resources[0].ErrorCode
	}
	bad := kerr.InvalidConfig.Code
	for name, got := range map[string][2]int16{
		"created with both":              {create(map[string]string{least: "10", most: "5"}), bad},
		"created with equal ones":        {create(map[string]string{least: "5", most: "5"}), 0},
		"created with one":               {create(map[string]string{least: "9000000000000"}), 0},
		"the least set above the most":   {alter(least, "2001", kmsg.IncrementalAlterConfigOpSet), bad},
		"the least set to the most":      {alter(least, "2000", kmsg.IncrementalAlterConfigOpSet), 0},
		"another setting":                {alter("retention.ms", "1", kmsg.IncrementalAlterConfigOpSet), 0},
		"the most removed":               {alter(most, "", kmsg.IncrementalAlterConfigOpDelete), 0},
		"all replaced by a larger least": {replace(least, "2001"), 0},
		"all replaced by a smaller most": {replace(most, "1"), 0},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: %v, want %v", name, kerr.ErrorForCode(got[0]), kerr.ErrorForCode(got[1]))
		}
	}
}
