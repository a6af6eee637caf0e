// Package config is the one schema of a node's settings. The keys of troupe.yaml, the flags and the
// TROUPE_* variables are all derived from Settings; a flag wins over a variable, a variable over
// the file, the file over the default.
package config

import "strings"

// Setting is one thing an operator can set.
type Setting struct {
	Name    string // dotted: the YAML key and, with two dashes, the flag
	Group   string // heading in --help and in the documentation
	Default string // as it would be typed; "" is explained by Doc
	Doc     string // one sentence
	Secret  bool   // never shown
	Kafka   bool   // Kafka's own setting by Kafka's own name, handed to the broker as it is
	check   func(value string) error
}

// Env is the variable of a setting: node.id is TROUPE_NODE_ID.
func (s Setting) Env() string {
	return "TROUPE_" + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(s.Name))
}

// Flag is the command line's spelling, without the dashes.
func (s Setting) Flag() string { return s.Name }

// Settings is the table that file, flags and variables are generated from, in the order people read
// it.
var Settings = []Setting{
	{Name: "node.id", Group: "Node", Default: "1", Doc: "Id of this broker, unique in the cluster, 0 or more.", check: nodeID},
	{Name: "data.dir", Group: "Node", Default: "./data", Doc: "Directory of everything the node keeps; created if missing.", check: notEmpty},
	{Name: "broker.rack", Group: "Node", Doc: "Rack or zone of this node; replicas are spread over racks."},
	{Name: "peers", Group: "Cluster", Doc: "The founders, this node among them: id@host:control[/bulk], comma separated; bulk defaults to control+2. Empty: a cluster of one."},
	{Name: "join", Group: "Cluster", Doc: "host:control of nodes of a running cluster, for this node to become a member of; instead of peers. One is enough, several (with commas) are asked in turn. A node that is a member already finds the others itself, unless it has lost what it knew of them."},
	{Name: "listeners", Group: "Network", Default: "PLAINTEXT://:9092", Doc: "Where Kafka clients connect: NAME://host:port, comma separated."},
	{Name: "advertised.listeners", Group: "Network", Doc: "What clients are told to connect to. Default: the listener; in place of a wildcard host, localhost if the node is alone or all peers are on loopback, else the host name."},
	{Name: "control.listen", Group: "Network", Doc: "Where peers connect for raft and questions. Default: the first listener's host and its port+1; 127.0.0.1 if alone on a wildcard host."},
	{Name: "control.advertised", Group: "Network", Doc: "What peers are told. Default: this node's entry in peers, else as for listeners."},
	{Name: "bulk.listen", Group: "Network", Doc: "Where peers connect for snapshots and log transfer. Default: as control.listen, with port+3."},
	{Name: "bulk.advertised", Group: "Network", Doc: "What peers are told. Default: this node's entry in peers, else as for listeners."},
	{Name: "metrics.listen", Group: "Network", Doc: "HTTP: /metrics, /statusz, /healthz and /readyz; what changes or costs something only from this machine. Default: the first listener's host and its port+2."},
	{Name: "admin.token", Group: "Network", Secret: true, Doc: "What a request over HTTP that changes something must bear, from this machine too (Authorization: Bearer; the command line's --token or TROUPE_ADMIN_TOKEN). Empty: none is asked for."},
	{Name: "disk.free.min.bytes", Group: "Disk", Default: "2147483648", Doc: "Bytes that stay free on the disk of data.dir: with less, writes are refused and leaderships move to other nodes; with less than half, the node follows no leader.", check: atLeastZero},
	{Name: "disk.free.min.percent", Group: "Disk", Default: "5", Doc: "The same as a share of the file system; the larger of the two counts.", check: percent},
	{Name: "disk.ballast.bytes", Group: "Disk", Default: "67108864", Doc: "Size of a file that only takes space, given up when the disk has become too full for the node to start. 0: none.", check: atLeastZero},
	{Name: "disk.slow.sync", Group: "Disk", Default: "1s", Doc: "How long a sync may take before the log says so.", check: positiveDuration},
	{Name: "disk.scrub.interval", Group: "Disk", Default: "1h", Doc: "Time between two passes through all that is stored, which find what has rotted while the other replicas are whole. 0s: none.", check: durationFromZero},
	{Name: "disk.scrub.bytes.per.second", Group: "Disk", Default: "4194304", Doc: "How fast such a pass reads. 0: as fast as the disk.", check: atLeastZero},
	{Name: "rebuild.bytes.per.second", Group: "Disk", Default: "67108864", Doc: "How many bytes of its logs the node gives in a second to replicas elsewhere that are filled anew.", check: atLeastOne},
	{Name: "memory", Group: "Process", Doc: "Memory that the node may use, such as 2GiB or 512MiB: requests, caches and the garbage collector keep to it (GOMEMLIMIT, if set, wins for the last). Files that are mapped do not count. Default: a third of the machine's, or of the container's.", check: memory},
	{Name: "log.level", Group: "Process", Default: "info", Doc: "debug, info, warn or error.", check: oneOf("debug", "info", "warn", "error")},
	{Name: "log.format", Group: "Process", Default: "auto", Doc: "text, json, or auto: text on a terminal, else json.", check: oneOf("auto", "text", "json")},
	{Name: "shutdown.timeout", Group: "Process", Default: "10s", Doc: "Longest time from SIGTERM to the end of the process.", check: positiveDuration},
	{Name: "metrics.partitions", Group: "Telemetry", Default: "auto", Doc: "How finely metrics of partitions are shown: partitions, topics, off (one series for the node), or auto: partitions up to 1,000 replicas on the node, else off.", check: oneOf("auto", "partitions", "topics", "off")},
	{Name: "otlp.endpoint", Group: "Telemetry", Doc: "URL of an OpenTelemetry receiver, such as http://localhost:4317, that metrics and traces are sent to. Empty: none are sent. OpenTelemetry's own variables for headers and certificates hold (OTEL_EXPORTER_OTLP_HEADERS, …).", check: receiver},
	{Name: "otlp.protocol", Group: "Telemetry", Default: "grpc", Doc: "grpc or http (protobuf).", check: oneOf("grpc", "http")},
	{Name: "otlp.metrics.interval", Group: "Telemetry", Default: "15s", Doc: "Time between two pushes of metrics.", check: positiveDuration},
	{Name: "trace.ratio", Group: "Telemetry", Default: "0", Doc: "Share of record batches, from 0 to 1, that are traced though their producer says nothing of tracing. What a traceparent header in a batch's first record says is always followed. Needs otlp.endpoint.", check: share},
	{Name: "auto.create.topics.enable", Group: "Kafka", Kafka: true, Doc: "Create a topic when a client asks for it."},
	{Name: "num.partitions", Group: "Kafka", Kafka: true, Doc: "Partitions of a topic created without a number."},
	{Name: "default.replication.factor", Group: "Kafka", Kafka: true, Doc: "Replicas of a topic created without a number."},
	{Name: "offsets.topic.num.partitions", Group: "Kafka", Kafka: true, Doc: "Partitions of __consumer_offsets."},
	{Name: "group.initial.rebalance.delay.ms", Group: "Kafka", Kafka: true, Doc: "How long a new group waits for more members."},
	{Name: "message.max.bytes", Group: "Kafka", Kafka: true, Doc: "Largest record batch, in bytes; 33554408 at most."},
	{Name: "socket.request.max.bytes", Group: "Kafka", Kafka: true, Doc: "Largest request, in bytes."},
}

// Find returns the setting of that name.
func Find(name string) (Setting, bool) {
	for _, s := range Settings {
		if s.Name == name {
			return s, true
		}
	}
	return Setting{}, false
}
