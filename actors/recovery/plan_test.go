package recovery

import (
	"fmt"
	"testing"

	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

type ids = []storage.ReplicaID

func survivor(shard storage.ShardID, replica storage.ReplicaID, node metadata.NodeID, term, last uint64, voters, learners ids) Survivor {
	return Survivor{Shard: shard, Replica: replica, Node: node, Term: term, LastTerm: term, Last: last, Commit: last - 1, HighWatermark: int64(last) * 10, Voters: voters, Learners: learners}
}

// image has a topic t with partitions of the shards 300 on, one for each number of replicas.
func image() *metadata.Image {
	i := &metadata.Image{Topics: map[string]*metadata.Topic{}, Shards: map[storage.ShardID]metadata.ShardRef{}, Meta: &metadata.Partition{Shard: metadata.MetaShard}}
	t := &metadata.Topic{Name: "t"}
	for n := range int32(4) {
		shard := storage.ShardID(300 + n)
		t.Partitions = append(t.Partitions, &metadata.Partition{Topic: "t", Index: n, Shard: shard})
		i.Shards[shard] = metadata.ShardRef{Topic: "t", Partition: n}
	}
	i.Topics["t"] = t
	return i
}

func TestMake(t *testing.T) {
	p := Make(image(), []metadata.NodeID{3, 2}, []Survivor{
		survivor(metadata.MetaShard, 2, 1, 7, 40, ids{2, 3, 4}, ids{5}), // nodes 2 and 3 had 3 and 4
		survivor(metadata.MetaShard, 5, 4, 7, 41, ids{2, 3, 4}, ids{5}), // a learner that has more
		survivor(300, 10, 1, 7, 100, ids{10, 20, 30}, nil),
		survivor(301, 11, 1, 9, 50, ids{11, 21, 41}, nil), // one of three is lost
		survivor(301, 41, 4, 9, 50, ids{11, 21, 41}, nil),
		// three of five are lost; the shorter log has the higher term
		survivor(302, 12, 1, 6, 90, ids{12, 22, 32, 42, 52}, nil),
		survivor(302, 42, 4, 8, 80, ids{12, 22, 32, 42, 52}, nil),
		// of a node that is said to be lost: it does not count
		survivor(303, 23, 2, 9, 10, ids{23, 33}, nil),
	})
	if fmt.Sprint(p.Lost, p.Gone, p.Intact) != "[2 3] [t-3] 1" {
		t.Errorf("lost %v, gone %v, intact %d", p.Lost, p.Gone, p.Intact)
	}
	want := []Step{
		{Shard: metadata.MetaShard, Name: "__meta", Node: 4, Replica: 5, Lost: ids{3, 4}, Left: 2, Voters: 3, HighWatermark: 410, Uncommitted: 1, Term: 8},
		{Shard: 300, Name: "t-0", Node: 1, Replica: 10, Lost: ids{20, 30}, Left: 1, Voters: 3, HighWatermark: 1000, Uncommitted: 1, Term: 8},
		{Shard: 302, Name: "t-2", Node: 4, Replica: 42, Lost: ids{22, 32, 52}, Left: 2, Voters: 5, HighWatermark: 800, Uncommitted: 1, Term: 9},
	}
	if fmt.Sprint(p.Steps) != fmt.Sprint(want) {
		t.Errorf("steps\n%+v\nwant\n%+v", p.Steps, want)
	}
}

// While members were changed, both the old and the new ones have to have a majority.
func TestAChangeUnderWay(t *testing.T) {
	s := survivor(300, 10, 1, 7, 100, ids{10}, nil)
	if p := Make(image(), []metadata.NodeID{2, 3}, []Survivor{s}); len(p.Steps) != 0 {
		t.Errorf("a majority is left, and yet %+v", p.Steps)
	}
	s.OutgoingVoters = ids{20, 30, 10}
	if p := Make(image(), []metadata.NodeID{2, 3}, []Survivor{s}); len(p.Steps) != 1 {
		t.Errorf("the old members have no majority, and yet %+v", p)
	}
}

// Another state of the cluster is another plan, or an operator would agree to one thing and get
// another.
func TestPlansHaveNames(t *testing.T) {
	of := func(last uint64, lost ...metadata.NodeID) string {
		return Make(image(), lost, []Survivor{survivor(300, 10, 1, 7, last, ids{10, 20, 30}, nil)}).ID
	}
	if of(100, 2, 3) != of(100, 3, 2) || of(100, 2, 3) == of(101, 2, 3) || of(100, 2, 3) == of(100, 2, 4) {
		t.Error("names of plans do not tell them apart")
	}
}

// All that is left of a partition is a replica that was on its way to it and has nothing yet, not
// even the members: the partition is gone, and the operator is told so. Beside one that has the log
// such a replica counts for nothing.
func TestBlankReplicasAreNothing(t *testing.T) {
	blank := Survivor{Shard: 300, Replica: 11, Node: 3}
	p := Make(image(), []metadata.NodeID{2}, []Survivor{blank, survivor(301, 12, 1, 3, 9, ids{12, 22, 32}, nil), {Shard: 301, Replica: 32, Node: 3}})
	if fmt.Sprint(p.Gone) != "[__meta t-0 t-2 t-3]" || p.Intact > 0 {
		t.Errorf("gone %v, untouched %d", p.Gone, p.Intact)
	}
	if len(p.Steps) != 1 || p.Steps[0].Left != 1 || fmt.Sprint(p.Steps[0].Lost) != "[22 32]" {
		t.Errorf("%+v", p.Steps)
	}
}
