package metadata

import "github.com/twmb/franz-go/pkg/kmsg"

// unusedDoc is the documentation of every setting that is here for Kafka's tools and files only.
const unusedDoc = "Accepted for Kafka's tools and files; without effect."

// unused is a broker setting of Kafka that nothing here reads.
type unused struct {
	name   string
	kind   kmsg.ConfigType
	value  string // the default; empty where Kafka has none
	static bool   // Kafka does not take it while the broker runs
}

// unusedConfigs are the broker settings of Kafka 4.4 that clients, tools and files name and that
// have nothing to set here: threads, buffers and intervals of parts that are built otherwise.
// Names, types, defaults and what can be set dynamically are those that a broker of Kafka 4.4.0
// tells. Settings of what is not there at all (security, quotas, tiered storage, the new kinds of
// groups) are left out, so that nobody takes them for set.
var unusedConfigs = []unused{
	{"add.partitions.to.txn.retry.backoff.max.ms", kmsg.ConfigTypeInt, "100", true},
	{"add.partitions.to.txn.retry.backoff.ms", kmsg.ConfigTypeInt, "20", true},
	{"auto.leader.rebalance.enable", kmsg.ConfigTypeBoolean, "true", true},
	{"background.threads", kmsg.ConfigTypeInt, "10", false},
	{"broker.heartbeat.interval.ms", kmsg.ConfigTypeInt, "2000", true},
	{"broker.session.timeout.ms", kmsg.ConfigTypeInt, "9000", true},
	{"connection.failed.authentication.delay.ms", kmsg.ConfigTypeInt, "100", true},
	{"controller.listener.names", kmsg.ConfigTypeList, "", true},
	{"controller.socket.timeout.ms", kmsg.ConfigTypeInt, "30000", true},
	{"cordoned.log.dirs", kmsg.ConfigTypeList, "", false},
	{"delete.records.purgatory.purge.interval.requests", kmsg.ConfigTypeInt, "1", true},
	{"group.coordinator.append.linger.ms", kmsg.ConfigTypeInt, "-1", true},
	{"group.coordinator.background.threads", kmsg.ConfigTypeInt, "2", true},
	{"group.coordinator.cached.buffer.max.bytes", kmsg.ConfigTypeInt, "1048588", false},
	{"group.coordinator.rebalance.protocols", kmsg.ConfigTypeList, "classic,consumer,streams", true},
	{"group.coordinator.threads", kmsg.ConfigTypeInt, "4", true},
	{"initial.broker.registration.timeout.ms", kmsg.ConfigTypeInt, "60000", true},
	{"inter.broker.listener.name", kmsg.ConfigTypeString, "", true},
	{"kafka.metrics.polling.interval.secs", kmsg.ConfigTypeInt, "10", true},
	{"kafka.metrics.reporters", kmsg.ConfigTypeList, "", true},
	{"leader.imbalance.check.interval.seconds", kmsg.ConfigTypeLong, "300", true},
	{"log.cleaner.dedupe.buffer.size", kmsg.ConfigTypeLong, "134217728", false},
	{"log.cleaner.enable", kmsg.ConfigTypeBoolean, "true", true},
	{"log.cleaner.io.buffer.load.factor", kmsg.ConfigTypeDouble, "0.9", false},
	{"log.cleaner.io.buffer.size", kmsg.ConfigTypeInt, "524288", false},
	{"log.cleaner.threads", kmsg.ConfigTypeInt, "1", false},
	{"log.dir.failure.timeout.ms", kmsg.ConfigTypeLong, "30000", true},
	{"log.flush.offset.checkpoint.interval.ms", kmsg.ConfigTypeInt, "60000", true},
	{"log.flush.scheduler.interval.ms", kmsg.ConfigTypeLong, "9223372036854775807", true},
	{"log.flush.start.offset.checkpoint.interval.ms", kmsg.ConfigTypeInt, "60000", true},
	{"log.retention.minutes", kmsg.ConfigTypeInt, "", true},
	{"log.roll.hours", kmsg.ConfigTypeInt, "168", true},
	{"log.roll.jitter.hours", kmsg.ConfigTypeInt, "0", true},
	{"metadata.log.dir", kmsg.ConfigTypeString, "", true},
	{"metadata.log.max.record.bytes.between.snapshots", kmsg.ConfigTypeLong, "20971520", true},
	{"metadata.log.max.snapshot.interval.ms", kmsg.ConfigTypeLong, "3600000", true},
	{"metadata.log.segment.bytes", kmsg.ConfigTypeInt, "1073741824", true},
	{"metadata.log.segment.ms", kmsg.ConfigTypeLong, "604800000", true},
	{"metadata.max.idle.interval.ms", kmsg.ConfigTypeInt, "500", true},
	{"metadata.max.retention.bytes", kmsg.ConfigTypeLong, "104857600", true},
	{"metadata.max.retention.ms", kmsg.ConfigTypeLong, "604800000", true},
	{"metric.reporters", kmsg.ConfigTypeList, "org.apache.kafka.common.metrics.JmxReporter", false},
	{"metrics.num.samples", kmsg.ConfigTypeInt, "2", true},
	{"metrics.recording.level", kmsg.ConfigTypeString, "INFO", true},
	{"metrics.sample.window.ms", kmsg.ConfigTypeLong, "30000", true},
	{"num.recovery.threads.per.data.dir", kmsg.ConfigTypeInt, "2", false},
	{"num.replica.alter.log.dirs.threads", kmsg.ConfigTypeInt, "", true},
	{"num.replica.fetchers", kmsg.ConfigTypeInt, "1", false},
	{"offsets.commit.timeout.ms", kmsg.ConfigTypeInt, "5000", true},
	{"offsets.load.buffer.size", kmsg.ConfigTypeInt, "5242880", true},
	{"offsets.topic.compression.codec", kmsg.ConfigTypeInt, "0", true},
	{"offsets.topic.segment.bytes", kmsg.ConfigTypeInt, "104857600", true},
	{"producer.purgatory.purge.interval.requests", kmsg.ConfigTypeInt, "1000", true},
	{"queued.max.requests", kmsg.ConfigTypeInt, "500", true},
	{"replica.fetch.backoff.ms", kmsg.ConfigTypeInt, "1000", true},
	{"replica.fetch.max.bytes", kmsg.ConfigTypeInt, "1048576", true},
	{"replica.fetch.min.bytes", kmsg.ConfigTypeInt, "1", true},
	{"replica.fetch.response.max.bytes", kmsg.ConfigTypeInt, "10485760", true},
	{"replica.fetch.wait.max.ms", kmsg.ConfigTypeInt, "500", true},
	{"replica.high.watermark.checkpoint.interval.ms", kmsg.ConfigTypeLong, "5000", true},
	{"replica.lag.time.max.ms", kmsg.ConfigTypeLong, "30000", true},
	{"replica.socket.receive.buffer.bytes", kmsg.ConfigTypeInt, "65536", true},
	{"replica.socket.timeout.ms", kmsg.ConfigTypeInt, "30000", true},
	{"request.timeout.ms", kmsg.ConfigTypeInt, "30000", true},
	{"socket.connection.setup.timeout.max.ms", kmsg.ConfigTypeLong, "30000", true},
	{"socket.connection.setup.timeout.ms", kmsg.ConfigTypeLong, "10000", true},
	{"socket.listen.backlog.size", kmsg.ConfigTypeInt, "50", true},
	{"socket.receive.buffer.bytes", kmsg.ConfigTypeInt, "102400", true},
	{"socket.send.buffer.bytes", kmsg.ConfigTypeInt, "102400", true},
	{"transaction.abort.timed.out.transaction.cleanup.interval.ms", kmsg.ConfigTypeInt, "10000", true},
	{"transaction.max.timeout.ms", kmsg.ConfigTypeInt, "900000", true},
	{"transaction.partition.verification.enable", kmsg.ConfigTypeBoolean, "true", false},
	{"transaction.remove.expired.transaction.cleanup.interval.ms", kmsg.ConfigTypeInt, "3600000", true},
	{"transaction.state.log.load.buffer.size", kmsg.ConfigTypeInt, "5242880", true},
	{"transaction.state.log.min.isr", kmsg.ConfigTypeInt, "2", true},
	{"transaction.state.log.num.partitions", kmsg.ConfigTypeInt, "50", true},
	{"transaction.state.log.replication.factor", kmsg.ConfigTypeShort, "3", true},
	{"transaction.state.log.segment.bytes", kmsg.ConfigTypeInt, "104857600", true},
	{"transactional.id.expiration.ms", kmsg.ConfigTypeInt, "604800000", true},
}

// config makes a description of it that takes any value.
func (u unused) config() Config {
	return Config{Name: u.name, Type: u.kind, Default: u.value, Doc: unusedDoc, ReadOnly: u.static, Unused: true, Check: anything}
}
