package metadata

import (
	"math"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/partition"
)

const maxLong = math.MaxInt64

// TopicConfigs are the settings of a topic that Kafka 4 knows, in order of name.
var TopicConfigs = []Config{
	words("cleanup.policy", "delete", "log.cleanup.policy", "What happens to old records: delete, compact, or both.", "delete", "compact", ""),
	integer("compression.gzip.level", "-1", "compression.gzip.level", -1, "Level of gzip where compression.type is gzip."),
	{Name: "compression.lz4.level", Type: kmsg.ConfigTypeInt, Default: "9", Broker: "compression.lz4.level", Doc: "Level of lz4 where compression.type is lz4.", Check: limits("compression.lz4.level", 1, 17)},
	word("compression.type", "producer", "compression.type", "Codec that records are stored in; producer keeps the producer's.", "uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"),
	{Name: "compression.zstd.level", Type: kmsg.ConfigTypeInt, Default: "3", Broker: "compression.zstd.level", Doc: "Level of zstd where compression.type is zstd.", Check: limits("compression.zstd.level", -131072, 22)},
	long("delete.retention.ms", "86400000", "log.cleaner.delete.retention.ms", 0, maxLong, "How long a tombstone stays after it was first compacted, in ms."),
	long("file.delete.delay.ms", "60000", "log.segment.delete.delay.ms", 0, maxLong, "Accepted for Kafka's tools; Troupe has no segment files."),
	long("flush.messages", "9223372036854775807", "log.flush.interval.messages", 1, maxLong, "Accepted for Kafka's tools; every acknowledged batch is synced."),
	long("flush.ms", "9223372036854775807", "log.flush.interval.ms", 0, maxLong, "Accepted for Kafka's tools; every acknowledged batch is synced."),
	text("follower.replication.throttled.replicas", "", "", "Accepted for Kafka's tools."),
	integer("index.interval.bytes", "4096", "log.index.interval.bytes", 0, "Accepted for Kafka's tools; Troupe has no index files."),
	text("leader.replication.throttled.replicas", "", "", "Accepted for Kafka's tools."),
	long("local.retention.bytes", "-2", "log.local.retention.bytes", -2, maxLong, "Accepted for Kafka's tools; there is no remote storage."),
	long("local.retention.ms", "-2", "log.local.retention.ms", -2, maxLong, "Accepted for Kafka's tools; there is no remote storage."),
	long("max.compaction.lag.ms", "9223372036854775807", "log.cleaner.max.compaction.lag.ms", 1, maxLong, "The longest a record of a compacted topic stays uncompacted, in ms."),
	{Name: "max.message.bytes", Type: kmsg.ConfigTypeInt, Default: "1048588", Broker: "message.max.bytes", Doc: "The largest record batch, in bytes after compression; 33554408 at most, what one entry of a log takes.", Check: limits("max.message.bytes", 0, partition.MaxBatchBytes)},
	long("message.timestamp.after.max.ms", "3600000", "log.message.timestamp.after.max.ms", 0, maxLong, "How far a record's timestamp may lie ahead of the broker's clock."),
	long("message.timestamp.before.max.ms", "9223372036854775807", "log.message.timestamp.before.max.ms", 0, maxLong, "How far a record's timestamp may lie behind the broker's clock."),
	word("message.timestamp.type", "CreateTime", "log.message.timestamp.type", "Whose clock a record's timestamp is of.", "CreateTime", "LogAppendTime"),
	{Name: "min.cleanable.dirty.ratio", Type: kmsg.ConfigTypeDouble, Default: "0.5", Broker: "log.cleaner.min.cleanable.ratio", Doc: "The share of uncompacted bytes from which a topic is compacted.", Check: share("min.cleanable.dirty.ratio")},
	long("min.compaction.lag.ms", "0", "log.cleaner.min.compaction.lag.ms", 0, maxLong, "The shortest time a record of a compacted topic stays uncompacted, in ms."),
	integer("min.insync.replicas", "1", "min.insync.replicas", 1, "Replicas that must be in sync for a write. An acknowledgement is a majority's sync whatever it says; a larger value refuses more."),
	boolean("preallocate", "false", "log.preallocate", "Accepted for Kafka's tools."),
	boolean("remote.log.copy.disable", "false", "", "Accepted for Kafka's tools; there is no remote storage."),
	boolean("remote.log.delete.on.disable", "false", "", "Accepted for Kafka's tools; there is no remote storage."),
	{Name: "remote.storage.enable", Type: kmsg.ConfigTypeBoolean, Default: "false", Doc: "Troupe has no remote storage: only false is taken.", Check: oneOf("remote.storage.enable", false, "false")},
	long("retention.bytes", "-1", "log.retention.bytes", -1, maxLong, "Bytes of a partition that are kept at least when the rest is deleted; -1 keeps all."),
	long("retention.ms", "604800000", "log.retention.ms", -1, maxLong, "How long records are kept, in ms; -1 keeps them for ever."),
	integer("segment.bytes", "1073741824", "log.segment.bytes", 14, "How large the end of a log may become before compaction may touch it; Troupe has no segment files."),
	integer("segment.index.bytes", "10485760", "log.index.size.max.bytes", 4, "Accepted for Kafka's tools; Troupe has no index files."),
	long("segment.jitter.ms", "0", "log.roll.jitter.ms", 0, maxLong, "Accepted for Kafka's tools."),
	long("segment.ms", "604800000", "log.roll.ms", 1, maxLong, "How old the end of a log may become before compaction may touch it, in ms; Troupe has no segment files."),
	{Name: "unclean.leader.election.enable", Type: kmsg.ConfigTypeBoolean, Default: "false", Broker: "unclean.leader.election.enable", Doc: "Raft has no unclean elections: only false is taken.", Check: oneOf("unclean.leader.election.enable", false, "false")},
}

var topicConfigs = byName(TopicConfigs)

// TopicConfigOf returns the description of a topic setting, nil for a name that Kafka does not
// know.
func TopicConfigOf(name string) *Config { return topicConfigs[name] }

// ValidateTopicConfig tells why a topic may not be given a setting; nil if it may.
func ValidateTopicConfig(name, value string) *protocol.Error {
	c := topicConfigs[name]
	if c == nil {
		return protocol.Errorf(kerr.InvalidConfig, "Unknown topic config name: %s", name)
	}
	return c.Check(value)
}
