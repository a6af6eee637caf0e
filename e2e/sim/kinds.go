package sim

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	raftpartition "github.com/troupe-mq/troupe/raft/partition"
)

// Kind is a sort of world: how many machines it may have, how its nodes are set, and which clients
// live in it.
type Kind struct {
	Name string
	Text string // one line, for people

	fewest, most int // nodes; how many is drawn
	// most replicas of a topic, drawn below it; 0 is three, or as many as there are nodes
	replicas int
	all      bool      // every node has a replica
	faults   []trouble // that are drawn; everyFault if nil
	settings map[string]string
	topics   []topicPlan // beside the main one
	young    bool        // clients come while it forms, and nodes end
	// an operator moves replicas all the time, of topics that nobody writes to, too
	restless bool
	steady   bool // nobody sets clocks: what is done by time can be checked
	crew     []role
}

// role is a client of a world.
type role struct {
	name string
	do   func(*client)
}

// Kinds are all sorts of worlds. A seed draws one of them, unless Options name it.
var Kinds = []Kind{
	{
		Name: "plain", Text: "three nodes under every fault there is; a few clients of every sort", fewest: 3, most: 3,
		crew: everyday,
	},
	{
		Name: "five", Text: "five replicas of everything, with slow disks and elections that go wrong half way", fewest: 5, most: 5, all: true,
		faults: votingFaults, crew: everyday,
	},
	{
		Name: "many", Text: "hundreds of consumer groups and producers, whose offsets expire", fewest: 3, most: 3, steady: true,
		settings: map[string]string{"offsets.retention.minutes": "1", "offsets.retention.check.interval.ms": "1000"},
		crew:     append([]role{{"groups-a", manyGroups}, {"groups-b", manyGroups}, {"groups-c", manyGroups}, {"producers", manyProducers}}, everyday...),
	},
	{
		Name: "large", Text: "batches, groups and metadata of the sizes at which something changes", fewest: 3, most: 3,
		topics: []topicPlan{{name: largeTopic, partitions: 1, apart: true, configs: map[string]string{"max.message.bytes": strconv.Itoa(raftpartition.MaxBatchBytes)}}},
		crew:   append([]role{{"large", largeProducer}, {"groups", manyGroups}}, everyday...),
	},
	{
		Name: "young", Text: "clients that have topics created while the cluster forms and its nodes come and go", fewest: 3, most: 5, young: true,
		settings: map[string]string{"auto.create.topics.enable": "true"}, crew: everyday,
	},
	{
		Name: "moved", Text: "replicas that are moved all the time, of idle topics too, while nodes end and leaderships go round", fewest: 3, most: 5, restless: true,
		topics: []topicPlan{{name: "idle", partitions: mainPartitions}}, faults: movingFaults, crew: everyday,
	},
	{
		Name: "logs", Text: "topics that are compacted and whose records are deleted by age, and readers to the end", fewest: 3, most: 5, replicas: 3,
		settings: logsSettings, topics: logsTopics, steady: true,
		crew: append([]role{{"keyed-a", keyedProducer}, {"keyed-b", keyedProducer}, {"end", endReader}}, everyday...),
	},
	{
		Name: "wide", Text: "one to seven nodes, topics of one to five replicas", fewest: 1, most: 7, replicas: 5,
		crew: everyday,
	},
}

// logsSettings have logs looked after often.
var logsSettings = map[string]string{"log.retention.check.interval.ms": "4000", "log.cleaner.backoff.ms": "2000"}

// logsTopics are topics whose old records are compacted, or deleted by age.
var logsTopics = []topicPlan{
	{name: "keyed", partitions: 2, compacted: true, configs: map[string]string{
		"cleanup.policy": "compact", "segment.ms": "3000", "min.cleanable.dirty.ratio": "0", "delete.retention.ms": "6000",
	}},
	{name: "aged", partitions: 1, retention: 20 * time.Second, configs: map[string]string{"retention.ms": "20000", "segment.ms": "3000"}},
}

// everyday are the clients of most worlds.
var everyday = []role{
	{"plain", plainProducer}, {"idem-a", idempotentProducer}, {"idem-b", idempotentProducer}, {"reader", consumer}, {"admin", admin},
	{"member-a", groupMember}, {"member-b", groupMember}, {"java", javaConsumer},
}

// KindOf returns the kind of world of that name, the zero Kind for none. It errs if there is none
// of the name.
func KindOf(name string) (Kind, error) {
	for _, k := range Kinds {
		if k.Name == name {
			return k, nil
		}
	}
	if name == "" {
		return Kind{}, nil
	}
	return Kind{}, fmt.Errorf("there is no world %q; there are: %s", name, KindNames())
}

// KindNames are the names of all kinds, in a line.
func KindNames() string {
	var names []string
	for _, k := range Kinds {
		names = append(names, k.Name)
	}
	return strings.Join(names, ", ")
}

// shape is what a seed makes of the options that leave it open: the kind of world, the number of
// nodes, and of replicas. It is drawn apart from all else, so that a world whose kind and size are
// given is the one that the seed alone makes of them.
func (o *Options) shape() (k Kind, replicas int) {
	r := rand.New(rand.NewPCG(o.Seed, 0x7368617065))
	drawn, nodes, of := r.IntN(len(Kinds)), r.IntN(1<<16), r.IntN(1<<16)
	if o.Operations > 0 {
		drawn = 0 // an operator's cluster is not the place for other trouble
	}
	if o.World == "" {
		o.World = Kinds[drawn].Name
	}
	k, err := KindOf(o.World)
	if err != nil {
		panic(err)
	}
	if o.Nodes == 0 {
		o.Nodes = k.fewest + nodes%(k.most-k.fewest+1)
	}
	if k.all {
		return k, o.Nodes
	}
	if k.replicas == 0 {
		return k, min(3, o.Nodes)
	}
	return k, 1 + of%min(k.replicas, o.Nodes)
}

// robust reports whether every topic survives the loss of what one disk holds. In a world that is
// not, no disk is tampered with: what was on it was nowhere else.
func (w *World) robust() bool { return w.options.Nodes >= 3 && w.replicas >= 3 }
