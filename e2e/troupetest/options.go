package troupetest

import "maps"

// Option is how a cluster is to be.
type Option func(*options)

type options struct {
	nodes    int
	topics   []topic
	settings map[string]string
	disk     bool
}

type topic struct {
	name       string
	partitions int32
}

// settings are those of every broker that are not the defaults: waits that serve a group or a
// topic of production, and only make a test slow.
var settings = map[string]string{
	"group.initial.rebalance.delay.ms": "0",
	"offsets.topic.num.partitions":     "4",
}

func optionsOf(all []Option) options {
	o := options{nodes: 1, settings: maps.Clone(settings)}
	for _, option := range all {
		option(&o)
	}
	return o
}

// Nodes is how many brokers there are, one by default.
func Nodes(n int) Option { return func(o *options) { o.nodes = n } }

// Topic makes a topic before the test begins, with replicas on three brokers, or on all if there
// are fewer.
func Topic(name string, partitions int32) Option {
	return func(o *options) { o.topics = append(o.topics, topic{name, partitions}) }
}

// Setting sets one of Kafka's broker settings by Kafka's name, on every broker.
func Setting(name, value string) Option { return func(o *options) { o.settings[name] = value } }

// OnDisk has the brokers keep their data in directories of the test instead of in memory, synced as
// in production.
func OnDisk() Option { return func(o *options) { o.disk = true } }
