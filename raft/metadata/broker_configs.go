package metadata

import (
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/protocol"
)

// RackSelector is the name of Kafka's way to choose the replica that a consumer reads from.
const RackSelector = "org.apache.kafka.common.replica.RackAwareReplicaSelector"

// BrokerConfigs are the settings of a broker by Kafka's names, in order of name: those that are the
// cluster-wide defaults of a topic's, and those of the broker itself.
var BrokerConfigs = brokerConfigs()

func brokerConfigs() []Config {
	all := []Config{
		fixed(list("advertised.listeners", "", "What clients are told to connect to.")),
		fixed(boolean("auto.create.topics.enable", "true", "", "Topics are created when a client asks for one that is not there.")),
		fixed(integer("broker.id", "-1", "", -1, "The node's id.")),
		fixed(text("broker.rack", "", "", "The rack, zone or host that the node is in.")),
		fixed(long("connections.max.idle.ms", "600000", "", -1, maxLong, "A connection that is silent this long is closed.")),
		fixed(boolean("controlled.shutdown.enable", "true", "", "Leaderships are handed over before a node stops.")),
		fixed(integer("default.replication.factor", "3", "", 1, "Replicas of a topic that does not say; fewer if there are fewer nodes.")),
		fixed(boolean("delete.topic.enable", "true", "", "Topics can be deleted.")),
		fixed(integer("fetch.max.bytes", "57671680", "", 1024, "The most bytes in one answer to a fetch.")),
		fixed(long("fetch.purgatory.purge.interval.requests", "1000", "", 0, maxLong, "Accepted for Kafka's tools.")),
		fixed(integer("group.initial.rebalance.delay.ms", "3000", "", 0, "How long a new group waits for more members before its first rebalance.")),
		fixed(integer("group.max.session.timeout.ms", "1800000", "", 1, "The longest session timeout a member may ask for.")),
		fixed(integer("group.max.size", "2147483647", "", 1, "The most members of a group.")),
		fixed(integer("group.min.session.timeout.ms", "6000", "", 1, "The shortest session timeout a member may ask for.")),
		long("log.cleaner.backoff.ms", "15000", "", 0, maxLong, "How often compacted topics are looked through for what should be cleaned; 100 ms at least."),
		fixed(number("log.cleaner.io.max.bytes.per.second", "1.7976931348623157E308", "How fast cleaning reads; what it keeps is replicated like what producers send.")),
		fixed(long("log.retention.check.interval.ms", "300000", "", 1, maxLong, "How often it is looked for records to be deleted by retention.ms and retention.bytes.")),
		fixed(list("listeners", "PLAINTEXT://:9092", "Where clients connect.")),
		fixed(list("log.dirs", "", "The directory of everything the node keeps; data.dir where the node is started.")),
		fixed(integer("log.retention.hours", "168", "", -1, "How long records are kept; log.retention.ms wins.")),
		fixed(integer("max.connections", "2147483647", "", 0, "The most connections of clients.")),
		fixed(integer("max.connections.per.ip", "2147483647", "", 0, "The most connections of clients from one IP address.")),
		fixed(integer("max.incremental.fetch.session.cache.slots", "1000", "", 0, "The most fetch sessions kept.")),
		integer("num.io.threads", "8", "", 1, "Accepted for Kafka's tools."),
		integer("num.network.threads", "3", "", 1, "Accepted for Kafka's tools."),
		fixed(integer("node.id", "-1", "", -1, "The node's id.")),
		fixed(integer("num.partitions", "1", "", 1, "Partitions of a topic that does not say.")),
		fixed(integer("offset.metadata.max.bytes", "4096", "", 0, "The longest metadata of a committed offset.")),
		fixed(long("offsets.retention.check.interval.ms", "600000", "", 1, maxLong, "How often expired offsets are looked for.")),
		fixed(integer("offsets.retention.minutes", "10080", "", 1, "How long offsets are kept of a group without members, and of topics that a group reads no more.")),
		fixed(integer("offsets.topic.num.partitions", "50", "", 1, "Partitions of __consumer_offsets.")),
		fixed(integer("offsets.topic.replication.factor", "3", "", 1, "Replicas of __consumer_offsets; fewer if there are fewer nodes.")),
		fixed(list("process.roles", "broker,controller", "What a node does: every node serves clients and holds the metadata.")),
		fixed(text("listener.security.protocol.map", "PLAINTEXT:PLAINTEXT", "", "How each listener is protected.")),
		fixed(integer("producer.id.expiration.ms", "86400000", "", 1, "How long an idempotent producer is remembered.")),
		fixed(long("queued.max.request.bytes", "-1", "", -1, maxLong, "The most bytes of requests under way on a node; -1 is an eighth of its memory.")),
		long("follower.replication.throttled.rate", "9223372036854775807", "", 0, maxLong, "Accepted for Kafka's tools."),
		long("leader.replication.throttled.rate", "9223372036854775807", "", 0, maxLong, "Accepted for Kafka's tools."),
		word("replica.selector.class", RackSelector, "", "Whether consumers with a client.rack are sent to a replica in their rack (KIP-392); empty keeps them at the leader.", RackSelector, ""),
		long("replica.alter.log.dirs.io.max.bytes.per.second", "9223372036854775807", "", 0, maxLong, "Accepted for Kafka's tools; a node has one directory."),
		fixed(integer("socket.request.max.bytes", "104857600", "", 1, "The largest request.")),
	}
	for _, t := range TopicConfigs {
		if t.Broker != "" {
			t.Check = renamed(t.Check, t.Name, t.Broker)
			t.Name = t.Broker
			t.Broker = ""
			all = append(all, t)
		}
	}
	for _, u := range unusedConfigs {
		all = append(all, u.config())
	}
	slices.SortFunc(all, func(a, b Config) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// renamed is a check of a topic's setting that names the broker's in what it says.
func renamed(check func(string) *protocol.Error, topics, brokers string) func(string) *protocol.Error {
	return func(value string) *protocol.Error {
		err := check(value)
		if err == nil {
			return nil
		}
		return &protocol.Error{Kafka: err.Kafka, Detail: strings.ReplaceAll(err.Detail, "configuration "+topics+":", "configuration "+brokers+":")}
	}
}

// fixed marks a setting that is given at the start.
func fixed(c Config) Config {
	c.ReadOnly = true
	return c
}

var brokerConfigsByName = byName(BrokerConfigs)

// BrokerConfigOf returns the description of a broker setting, nil for a name that is not known.
func BrokerConfigOf(name string) *Config { return brokerConfigsByName[name] }

// BrokerDefault returns the value a broker setting has if nobody sets it; false for a name that is
// not known.
func BrokerDefault(name string) (string, bool) {
	c := brokerConfigsByName[name]
	if c == nil {
		return "", false
	}
	return c.Default, true
}

// ValidateBrokerConfig tells why a broker setting may not be given a value; nil if it may.
func ValidateBrokerConfig(name, value string) *protocol.Error {
	c := brokerConfigsByName[name]
	if c == nil {
		return protocol.Errorf(kerr.InvalidConfig, "Unknown broker config name: %s", name)
	}
	return c.Check(value)
}

// AlterableBrokerConfig tells why a broker setting may not be altered while the broker runs; nil if
// it may.
func AlterableBrokerConfig(name, value string) *protocol.Error {
	if c := brokerConfigsByName[name]; c != nil && c.ReadOnly {
		return protocol.Errorf(kerr.InvalidRequest, "Cannot update these configs dynamically: %s: set it where the node is started", name)
	}
	return ValidateBrokerConfig(name, value)
}
