package metadata

import (
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/troupe-mq/troupe/raft/partition"
)

// TopicSettings are the settings of a topic as they count on one node, read once: the topic's own,
// else the broker's that are its defaults. They are never changed.
type TopicSettings struct {
	MaxMessageBytes int
	MinInSync       int
	AppendTime      bool  // records get the leader's time, not the producer's
	BeforeMS        int64 // how far a record's time may lie behind the leader's
	AfterMS         int64 // and ahead of it
	Codec           int8  // of the batches that are stored, by its number; -1: the producer's
	Policy          partition.Policy
}

// BrokerSettings are settings of a node that are read with every request.
type BrokerSettings struct {
	FetchMaxBytes int
	RackAware     bool // consumers are sent to replicas in their rack
}

// settingsOf reads a topic's settings from their values, which were checked when they were set.
func settingsOf(raw func(name string) string) *TopicSettings {
	value := func(name string) string { return strings.TrimSpace(raw(name)) }
	number := func(name string) int64 { return wholeNumber(value(name)) }
	return &TopicSettings{
		MaxMessageBytes: int(min(number("max.message.bytes"), partition.MaxBatchBytes)),
		MinInSync:       int(number("min.insync.replicas")),
		AppendTime:      value("message.timestamp.type") == "LogAppendTime",
		BeforeMS:        number("message.timestamp.before.max.ms"),
		AfterMS:         number("message.timestamp.after.max.ms"),
		Codec:           codecNumber(value("compression.type")),
		Policy:          partition.PolicyOf(value),
	}
}

// wholeNumber reads a number that was checked when it was set.
func wholeNumber(value string) int64 {
	n, _ := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
	return n
}

// codecNumber returns the codec of compression.type, -1 to keep the producer's.
func codecNumber(name string) int8 {
	for number, codec := range [...]string{"uncompressed", "gzip", "snappy", "lz4", "zstd"} {
		if name == codec {
			return int8(number)
		}
	}
	return -1
}

// Settings returns the topic's settings as they count on the node whose image it is of; for a topic
// of no image its own and Kafka's defaults.
func (t *Topic) Settings() *TopicSettings {
	if t.settings != nil {
		return t.settings
	}
	return Local{Node: DefaultNode}.settings(&Image{}, t)
}

// Broker returns settings of the node whose image it is.
func (i *Image) Broker() *BrokerSettings {
	if i.broker != nil {
		return i.broker
	}
	return i.local.broker(i)
}

// Local is what decides which settings count on a node, besides the metadata.
type Local struct {
	Node   NodeID
	Static map[string]string // broker settings that the node was started with
}

// Set returns what somebody has set a broker setting to: for the node alone, for the whole cluster,
// or where the node was started.
func (l Local) Set(i *Image, name string) (string, bool) {
	for _, node := range [...]NodeID{l.Node, DefaultNode} {
		if v, ok := i.NodeConfigs[node][name]; ok {
			return v, true
		}
	}
	v, ok := l.Static[name]
	return v, ok
}

// Setting returns the value of a broker setting that counts.
func (l Local) Setting(i *Image, name string) string {
	if v, ok := l.Set(i, name); ok {
		return v
	}
	v, _ := BrokerDefault(name)
	return v
}

// TopicSetting returns the value of a topic's setting that counts: the topic's own, else that of
// the broker setting which is its default.
func (l Local) TopicSetting(i *Image, t *Topic, name string) string {
	if v, own := t.Configs[name]; own {
		return v
	}
	c := TopicConfigOf(name)
	switch _, set := l.Set(i, c.Broker); {
	case c.Broker == "":
		return c.Default
	case name == "retention.ms" && !set:
		return l.retentionHours(i, c.Default)
	}
	return l.Setting(i, c.Broker)
}

// retentionHours returns log.retention.hours in ms if it is set: Kafka's older way to say
// log.retention.ms.
func (l Local) retentionHours(i *Image, otherwise string) string {
	v, set := l.Set(i, "log.retention.hours")
	switch h := wholeNumber(v); {
	case !set:
		return otherwise
	case h < 0:
		return "-1"
	default:
		return strconv.FormatInt(h*time.Hour.Milliseconds(), 10)
	}
}

func (l Local) settings(i *Image, t *Topic) *TopicSettings {
	return settingsOf(func(name string) string { return l.TopicSetting(i, t, name) })
}

func (l Local) broker(i *Image) *BrokerSettings {
	return &BrokerSettings{
		FetchMaxBytes: int(wholeNumber(l.Setting(i, "fetch.max.bytes"))),
		RackAware:     l.Setting(i, "replica.selector.class") != "",
	}
}

// resolve gives a topic its settings, unless it has them. Topics without settings of their own
// share them.
func (i *Image) resolve(t *Topic) {
	switch {
	case t.settings != nil:
	case len(t.Configs) == 0 && i.defaults != nil:
		t.settings = i.defaults
	default:
		t.settings = i.local.settings(i, t)
	}
}

// resolveAll reads all settings anew, after those of the node have changed. Topics for which
// nothing changes stay what they are.
func (i *Image) resolveAll() {
	i.broker, i.defaults = i.local.broker(i), i.local.settings(i, &Topic{})
	i.Topics, i.ByID = maps.Clone(i.Topics), maps.Clone(i.ByID)
	for _, t := range i.Topics {
		again := *t
		again.settings = nil
		i.resolve(&again)
		if t.settings == nil || *again.settings != *t.settings {
			i.Topics[t.Name], i.ByID[t.ID] = &again, &again
		}
	}
}

// setNodeConfigs replaces what is set for a node, or for all.
func (i *Image) setNodeConfigs(node NodeID, configs map[string]string) {
	i.NodeConfigs = maps.Clone(i.NodeConfigs)
	if i.NodeConfigs[node] = configs; configs == nil {
		delete(i.NodeConfigs, node)
	}
	if node == DefaultNode || node == i.local.Node {
		i.resolveAll()
	}
}
