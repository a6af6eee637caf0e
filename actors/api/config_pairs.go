package api

import (
	"maps"
	"strconv"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// checkPairs tells why settings of a topic do not go together, its own and those that it takes from
// the broker, as Kafka's LogConfig.validateValues does; nil if they do. Each of them is known to be
// right by itself.
func checkPairs(c Cluster, name string, configs map[string]string) *protocol.Error {
	topic := &metadata.Topic{Name: name, Configs: configs}
	number := func(name string) int64 {
		n, _ := strconv.ParseInt(c.TopicSetting(topic, name), 10, 64)
		return n
	}
	const least, most = "min.compaction.lag.ms", "max.compaction.lag.ms"
	if number(least) > number(most) {
		return protocol.Errorf(kerr.InvalidConfig, "conflict topic config setting %s (%d) > %s (%d)", least, number(least), most, number(most))
	}
	return nil
}

// changed returns what a topic's settings become by a change; a nil value removes one.
func changed(before map[string]string, set map[string]*string, replace bool) map[string]string {
	after := maps.Clone(before)
	if replace || after == nil {
		after = make(map[string]string)
	}
	for name, value := range set {
		if value == nil {
			delete(after, name)
		} else {
			after[name] = *value
		}
	}
	return after
}
