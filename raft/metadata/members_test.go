package metadata

import (
	"strings"
	"testing"

	"github.com/troupe-mq/troupe/storage"
)

func TestAMoveIsALearnerThenAVoterThenTheOtherLeaves(t *testing.T) {
	h := newHouse(t, 4)
	h.alter(1, 2, 3)
	old := h.settle(20, ids(h.partition().Replicas), nil)
	p := h.alter(1, 2, 4)
	h.want("1 2 4? | 3")
	joining, leaving := p.Replicas[2].ID, p.Leaving[0].ID
	if joining <= old.Replicas[2].ID {
		t.Fatalf("the new replica has id %d, not one of its own", joining)
	}
	one, two := p.Replicas[0].ID, p.Replicas[1].ID
	h.settle(21, []storage.ReplicaID{one, two, leaving}, []storage.ReplicaID{joining})
	h.want("1 2 4? | 3")
	h.settle(23, []storage.ReplicaID{one, two, joining}, nil)
	h.want("1 2 4")
	if h.partition().Moving() {
		t.Fatal("still moving")
	}
}

func TestWhatWasSeenEarlierDoesNotCount(t *testing.T) {
	h := newHouse(t, 3)
	p := h.partition()
	all := ids(p.Replicas)
	h.settle(30, all, nil)
	h.settle(20, all[:2], nil) // an older report comes late: it would say that replica 3 has left
	if got := ids(h.partition().Replicas); got[2] != all[2] {
		t.Fatalf("replica %d became %d by an old report", all[2], got[2])
	}
	h.must(Command{SettleMembers: &SettleMembers{[]Settled{{p.Shard, p.Version + 7, 40, all[:2], nil}}}})
	if got := ids(h.partition().Replicas); got[2] != all[2] {
		t.Fatalf("replica %d became %d by a report about another version", all[2], got[2])
	}
}

func TestAMoveIsTakenBack(t *testing.T) {
	h := newHouse(t, 4)
	h.alter(1, 2, 3)
	h.settle(20, ids(h.partition().Replicas), nil)
	p := h.alter(1, 2, 4)
	third, fourth := p.Leaving[0].ID, p.Replicas[2].ID
	p = h.alter(1, 2, 3)
	h.want("1 2 3? | 4")
	if p.Replicas[2].ID != third {
		t.Fatalf("the replica that stays was given the id %d instead of %d", p.Replicas[2].ID, third)
	}
	one, two := p.Replicas[0].ID, p.Replicas[1].ID

	// too late: it has left, and its id is used up
	h.settle(24, []storage.ReplicaID{one, two, fourth}, nil)
	h.want("1 2 3? | 4")
	if got := h.partition().Replicas[2].ID; got <= fourth {
		t.Fatalf("the replica that had left was taken back as %d", got)
	}
}

func TestALostReplicaIsReplacedUnderAnotherID(t *testing.T) {
	h := newHouse(t, 3)
	p := h.partition()
	lost := p.Replicas[1]
	replace := Command{ReplaceReplica: &ReplaceReplica{p.Shard, lost.ID}}
	h.must(replace)
	h.want("1 2? 3 | 2!")
	after := h.partition()
	h.must(replace) // once more, from a node that lost the answer
	if got := h.partition(); shape(got) != shape(after) || got.Replicas[1] != after.Replicas[1] {
		t.Fatalf("the same command once more changed %q to %q", shape(after), shape(got))
	}
	if _, ok := h.m.Image().On(2, life(2))[p.Shard]; !ok {
		t.Fatal("node 2 is to run nothing")
	}
	if got := h.m.Image().On(2, life(2))[p.Shard].Replica.ID; got != after.Replicas[1].ID {
		t.Fatalf("node 2 is to run replica %d, want the new one, %d", got, after.Replicas[1].ID)
	}
}

func TestTheLastWholeReplicaIsNotReplaced(t *testing.T) {
	h := newHouse(t, 2)
	p := h.partition()
	h.must(Command{ReplaceReplica: &ReplaceReplica{p.Shard, p.Replicas[0].ID}})
	err := h.refused(Command{ReplaceReplica: &ReplaceReplica{p.Shard, p.Replicas[1].ID}})
	if !strings.Contains(err.Error(), "last one") {
		t.Fatal(err)
	}
}

func TestReadersNeverCountAsVoters(t *testing.T) {
	h := newHouse(t, 3)
	shard := h.partition().Shard
	h.must(Command{AlterReplicas: &AlterReplicas{Shard: shard, Targets: []Target{{Node: 1}, {Node: 2}, {Node: 3, Role: Reader}}}})
	h.want("1 2 3r?")
	p := h.partition()
	h.settle(20, ids(p.Replicas), nil) // still a voter
	h.want("1 2 3r?")
	h.settle(22, ids(p.Replicas)[:2], ids(p.Replicas)[2:])
	h.want("1 2 3r")
}

func TestReplicasThatCannotBe(t *testing.T) {
	h := newHouse(t, 3)
	shard := h.partition().Shard
	h.must(Command{RegisterNode: &RegisterNode{Node{ID: 4, Incarnation: 400}}})
	h.must(Command{DrainNode: &DrainNode{Node: 4}})
	for name, c := range map[string]AlterReplicas{
		"a node that is not there":  {Shard: shard, Targets: voters(1, 9)},
		"one node twice":            {Shard: shard, Targets: voters(1, 1)},
		"none":                      {Shard: shard},
		"only readers":              {Shard: shard, Targets: []Target{{Node: 1, Role: Reader}}},
		"a reader in front":         {Shard: shard, Targets: []Target{{Node: 1, Role: Reader}, {Node: 2}}},
		"a role that is none":       {Shard: shard, Targets: []Target{{Node: 1}, {Node: 2, Role: 7}}},
		"a node that is emptied":    {Shard: shard, Targets: voters(1, 4)},
		"a shard that is not there": {Shard: 99, Targets: voters(1)},
		"replicas seen long ago":    {Shard: shard, Seen: []storage.ReplicaID{1, 2, 3}, Targets: voters(1, 2)},
		"metadata not on all nodes": {Shard: MetaShard, Targets: voters(1, 2)},
	} {
		t.Run(name, func(t *testing.T) { h.t = t; h.refused(Command{AlterReplicas: &c}) })
	}
}
