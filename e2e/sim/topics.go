package sim

import (
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// topicPlan is a topic of a world that is there from the beginning and stays.
type topicPlan struct {
	name       string
	partitions int32
	configs    map[string]string
	compacted  bool // keeps the last record of a key
	apart      bool // one client alone writes to it, and its records are not looked at one by one
	// retention is how long its records are kept, 0 for ever.
	retention time.Duration
}

// mainTopic is in every world.
const (
	mainTopic      = "main"
	mainPartitions = 2
)

var mainPlan = topicPlan{name: mainTopic, partitions: mainPartitions}

// topics are those of this world.
func (w *World) topics() []topicPlan { return append([]topicPlan{mainPlan}, w.kind.topics...) }

// compacts reports whether a topic keeps the last record of a key only.
func (w *World) compacts(topic string) bool {
	for _, t := range w.kind.topics {
		if t.name == topic {
			return t.compacted
		}
	}
	return false
}

// aPartition is one of the main topic, or of another one that keeps all records for some time.
func (w *World) aPartition() partition {
	return w.oneOf(func(t topicPlan) bool { return !t.compacted && !t.apart })
}

// aCompacted is a partition of a compacted topic.
func (w *World) aCompacted() partition {
	return w.oneOf(func(t topicPlan) bool { return t.compacted })
}

// aMain is a partition of the main topic.
func (w *World) aMain() partition { return partition{mainTopic, int32(w.pick(mainPartitions))} }

// anyPartition is one of all.
func (w *World) anyPartition() partition {
	return w.oneOf(func(t topicPlan) bool { return !t.apart })
}

func (w *World) oneOf(wanted func(topicPlan) bool) partition {
	all := w.partitions(wanted)
	return all[w.pick(len(all))]
}

// partitions are those of the world's topics that all the conditions hold for.
func (w *World) partitions(wanted ...func(topicPlan) bool) (all []partition) {
	for _, t := range w.topics() {
		if slices.ContainsFunc(wanted, func(f func(topicPlan) bool) bool { return !f(t) }) {
			continue
		}
		for n := range t.partitions {
			all = append(all, partition{t.name, n})
		}
	}
	return all
}

// begin creates the topics, once the cluster serves.
func (w *World) begin(c *client) {
	for !w.load.quiet {
		r := kmsg.NewPtrCreateTopicsRequest()
		r.Version, r.TimeoutMillis = 7, 5000
		for _, plan := range w.topics() {
			r.Topics = append(r.Topics, w.asked(plan))
		}
		c.ask(c.anyone(), r)
		if c.refresh() && w.allThere(c) {
			w.load.topic = true
			w.note(w.clients, "the topics are there")
			return
		}
		c.rest(300 * time.Millisecond)
	}
}

func (w *World) allThere(c *client) bool {
	for _, plan := range w.topics() {
		if c.ids[plan.name] == [16]byte{} {
			return false
		}
	}
	return true
}

// asked is a plan as CreateTopics has it.
func (w *World) asked(plan topicPlan) kmsg.CreateTopicsRequestTopic {
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = plan.name, plan.partitions, int16(w.replicas)
	for _, name := range sortedKeys(plan.configs) {
		c := kmsg.NewCreateTopicsRequestTopicConfig()
		c.Name, c.Value = name, kmsg.StringPtr(plan.configs[name])
		t.Configs = append(t.Configs, c)
	}
	return t
}
