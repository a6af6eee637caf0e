package metadata

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
)

// newHouseOfThisBuild is a house whose nodes run this build, and whose level was raised to the
// newest.
func newHouseOfThisBuild(t *testing.T, n int) *house {
	h := newHouse(t, n)
	for id := range h.m.Image().Nodes {
		h.must(registerThisBuild(id, life(id)))
	}
	h.must(Command{UpdateFeatures: &UpdateFeatures{Updates: []FeatureUpdate{{Name: ClusterVersion, Level: checkedCommands}}}})
	return h
}

// registerThisBuild registers a node as this build does.
func registerThisBuild(n NodeID, incarnation uint64) Command {
	c := register(n, incarnation)
	c.RegisterNode.Node.Features = Features
	return c
}

func create(name string, id byte, placement ...[]NodeID) Command {
	return Command{CreateTopic: &CreateTopic{Name: name, ID: TopicID{id}, Placement: placement}}
}

// No partition is placed on a node that may have none, by whichever command: its founder would be
// lost at birth, and with one replica the partition would never have a leader.
func TestNothingIsPlacedWhereNothingMayBe(t *testing.T) {
	h := newHouseOfThisBuild(t, 4)
	h.must(Command{ReplaceNode: &ReplaceNode{Node: 4}})
	h.must(Command{CreateTopic: &CreateTopic{Name: "u", ID: TopicID{9}, Placement: [][]NodeID{{1, 2}}}})
	h.must(Command{CreateTopic: &CreateTopic{Name: "one", ID: TopicID{8}, Placement: [][]NodeID{{1}}}})
	// has four replicas: nothing could be drained
	h.must(Command{DeleteTopic: &DeleteTopic{TopicID{1}}})
	h.must(Command{DrainNode: &DrainNode{Node: 3}})
	for _, node := range []NodeID{3, 4, 5} {
		for what, c := range map[string]Command{
			"a topic":         create("v", 7, []NodeID{node}),
			"partitions":      {CreatePartitions: &CreatePartitions{ID: TopicID{9}, From: 1, Placement: [][]NodeID{{1, node}}}},
			"a move":          {AlterReplicas: &AlterReplicas{Shard: h.m.Image().Partition("u", 0).Shard, Targets: voters(1, node)}},
			"one named twice": create("v", 7, []NodeID{1, 1}),
		} {
			if err := h.refused(c); err.Kafka != kerr.InvalidReplicaAssignment {
				t.Errorf("%s on node %d: %v", what, node, err)
			}
		}
	}
}

// Names that are one in the names of metrics are refused, as Kafka refuses them; the cluster's own
// topics are not kept from being made.
func TestNamesThatCollide(t *testing.T) {
	h := newHouseOfThisBuild(t, 3)
	h.must(create("a.b_c", 2, []NodeID{1}))
	for _, name := range []string{"a_b_c", "a.b.c", "a_b.c"} {
		if err := h.refused(create(name, 3, []NodeID{1})); err.Kafka != kerr.InvalidTopicException || !strings.Contains(err.Detail, "Topic '"+name+"' collides with existing topic: a.b_c") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for at, name := range []string{"a-b_c", "a.b_cd", "abc", "a.b"} {
		h.must(create(name, byte(10+at), []NodeID{1}))
	}
	h.must(create("..consumer_offsets", 20, []NodeID{1}))
	h.must(Command{CreateTopic: &CreateTopic{Name: ConsumerOffsets, ID: TopicID{21}, Internal: true, Placement: [][]NodeID{{1}}}})
}

// The first builds do not check any of that, so that a cluster which may have one of them does not
// either: the images would differ.
func TestLevelOneChecksAsTheFirstBuildsDid(t *testing.T) {
	h := newHouse(t, 3)
	h.must(create("a.b", 2, []NodeID{1}))
	h.must(create("a_b", 3, []NodeID{1}))
	h.must(Command{ReplaceNode: &ReplaceNode{Node: 3}})
	h.must(create("c", 4, []NodeID{3}))
	before := h.m.Image()
	h.must(Skip())
	if after := h.m.Image(); after.NextShard != before.NextShard || after.NextReplica != before.NextReplica || after.NextProducerID == before.NextProducerID {
		t.Errorf("%+v", after)
	}
}

// A cluster that this build forms begins at the newest level, and a node of the first builds is
// refused there.
func TestANewClusterBeginsAtTheNewestLevel(t *testing.T) {
	h := &house{t: t, m: NewMachine()}
	h.must(Command{FormCluster: &FormCluster{ClusterID: "c", Founders: map[NodeID]uint64{1: 100, 2: 200}, Levels: Newest()}})
	if !h.m.Image().checks() {
		t.Errorf("levels %v", h.m.Image().Levels)
	}
	if err := h.refused(register(1, 100)); err.Kafka != kerr.UnsupportedVersion {
		t.Error(err)
	}
	h.must(registerThisBuild(2, 200))
}

// Whatever the lost nodes gave out last is never given out again: a machine that goes on after Skip
// from any earlier entry gives out nothing that the one with all entries had.
func TestNothingIsGivenOutTwiceAfterARecovery(t *testing.T) {
	h := newHouseOfThisBuild(t, 3)
	kept := h.m.Snapshot()
	first := h.m.Image()
	for at := range 200 { // only the lost nodes have these
		h.must(create(strings.Repeat("x", at+1), byte(at+30), []NodeID{1, 2}, []NodeID{2, 3}))
		h.must(Command{AllocateProducerIDs: &AllocateProducerIDs{Count: 1000}})
	}
	lost := h.m.Image()
	left := &house{t: t, m: NewMachine(), index: first.Index}
	if err := left.m.Restore(kept); err != nil {
		t.Fatal(err)
	}
	left.must(Skip())
	ids := left.do(Command{AllocateProducerIDs: &AllocateProducerIDs{Count: 1000}})
	left.must(create("new", 9, []NodeID{1, 2}))
	p := left.m.Image().Partition("new", 0)
	if p.Shard < lost.NextShard || p.Replicas[0].ID < lost.NextReplica || ids.FirstProducerID < lost.NextProducerID {
		t.Errorf("given out again: shard %d (%d), replica %d (%d), producers from %d (%d)",
			p.Shard, lost.NextShard, p.Replicas[0].ID, lost.NextReplica, ids.FirstProducerID, lost.NextProducerID)
	}
}

// A node that is being decommissioned stays so when its disk is declared lost: nobody waits for it
// to come back.
func TestADecommissionOutlivesALostDisk(t *testing.T) {
	h := newHouseOfThisBuild(t, 4)
	h.must(Command{DeleteTopic: &DeleteTopic{TopicID{1}}})
	for what, lost := range map[string]Command{
		"declared lost":     {ReplaceNode: &ReplaceNode{Node: 4}},
		"declared so again": {ReplaceNode: &ReplaceNode{Node: 4}},
		"recovered without": {RecordRecovery: &RecordRecovery{Recovery{Lost: []NodeID{4}}}},
	} {
		h.must(Command{DrainNode: &DrainNode{Node: 4}})
		h.must(lost)
		if n := h.m.Image().Nodes[4]; n.State != Draining || !h.m.Image().IsGone(4, n.Incarnation) || len(h.m.Image().Gone[4]) != 1 {
			t.Errorf("%s: node 4 is %s, gone are %v", what, n.State, h.m.Image().Gone)
		}
	}
}

// Whoever comes back with another disk meanwhile is told what helps: to declare the disk lost once
// more would change nothing.
func TestABlankDiskOfADecommissionedNodeIsToldWhatHelps(t *testing.T) {
	h := newHouseOfThisBuild(t, 4)
	h.must(Command{DeleteTopic: &DeleteTopic{TopicID{1}}})
	h.must(Command{DrainNode: &DrainNode{Node: 4}})
	h.must(Command{ReplaceNode: &ReplaceNode{Node: 4}})
	back := *h.m.Image().Nodes[4]
	back.Incarnation += 1000
	if err := h.refused(Command{RegisterNode: &RegisterNode{Node: back}}); err == nil || !strings.Contains(err.Detail, "--cancel") {
		t.Errorf("it is told %v", err)
	}
	h.must(Command{DrainNode: &DrainNode{Node: 4, Cancel: true}})
	if n := h.must(Command{RegisterNode: &RegisterNode{Node: back}}).Nodes[4]; n.Incarnation != back.Incarnation || n.State != Active {
		t.Errorf("it came back as %+v", n)
	}
}
