package metadata

import (
	"strings"
	"testing"

	"github.com/troupe-mq/troupe/storage"
)

func TestTheFoundersVoteInTheMetadataUpToFive(t *testing.T) {
	for founders, want := range map[int]int{1: 1, 2: 2, 3: 3, 4: 3, 5: 5, 7: 5} {
		h := newHouse(t, founders)
		got := 0
		for _, r := range h.m.Image().Meta.Replicas {
			if r.Role == Voter {
				got++
			}
		}
		if got != want || len(h.m.Image().Meta.Replicas) != founders {
			t.Errorf("%d founders: %d of %d replicas of the metadata vote, want %d", founders, got, len(h.m.Image().Meta.Replicas), want)
		}
	}
}

func TestANewNodeHasAReplicaOfTheMetadata(t *testing.T) {
	h := newHouse(t, 3)
	i := h.must(register(4, 400))
	p, ok := i.MetaOn(4, 400)
	if !ok || p.Replica.Role != Reader || !p.Replica.Pending || p.Replica.ID < FirstReplica {
		t.Fatalf("node 4 has %+v of the metadata", p.Replica)
	}
	if again := h.must(register(4, 400)); again.Meta.Replicas[3] != i.Meta.Replicas[3] {
		t.Fatal("registering again changed its replica")
	}
}

// A founder that was lost before it registered: a node of its id with another disk takes its place
// in the metadata.
func TestANodeInThePlaceOfAFounderThatNeverRegistered(t *testing.T) {
	m := NewMachine()
	apply(t, m, Command{FormCluster: &FormCluster{ClusterID: "c", Founders: map[NodeID]uint64{1: 101, 2: 102, 3: 103}}})
	for id := range NodeID(2) {
		apply(t, m, Command{RegisterNode: &RegisterNode{Node{ID: id + 1, Incarnation: uint64(101 + id)}}})
	}
	if left := m.Image().Unregistered(); len(left) != 1 || left[0] != 3 {
		t.Fatalf("%v are not registered", left)
	}
	if r := apply(t, m, Command{RegisterNode: &RegisterNode{Node{ID: 3, Incarnation: 999}}}); r.Err != nil {
		t.Fatal(r.Err)
	}
	i := m.Image()
	if r := i.Meta.Replicas[2]; r.Node != 3 || r.Incarnation != 999 || !r.Pending || r.Founding || r.Role != Voter {
		t.Errorf("node 3 has %+v of the metadata", r)
	}
	if l := i.Meta.Leaving; len(l) != 1 || l[0].Node != 3 || !l[0].Lost {
		t.Errorf("%+v leave", l)
	}
	if left := i.Unregistered(); len(left) != 0 {
		t.Errorf("%v are waited for", left)
	}
}

func TestANodeIDIsTaken(t *testing.T) {
	h := newHouse(t, 3)
	if err := h.refused(register(2, 777)); !strings.Contains(err.Error(), "taken") {
		t.Fatal(err)
	}
}

func TestWhatANodeSaysOfItselfLeavesItsState(t *testing.T) {
	h := newHouse(t, 3)
	h.must(Command{RestNode: &RestNode{Node: 2, On: true}})
	if i := h.must(register(2, life(2))); i.Nodes[2].State != Maintenance {
		t.Fatalf("node 2 is %s after it registered again", i.Nodes[2].State)
	}
}

func TestDecommission(t *testing.T) {
	h := newHouse(t, 4)
	h.alter(1, 2, 3)
	h.settle(20, ids(h.partition().Replicas), nil)
	h.must(Command{DrainNode: &DrainNode{Node: 3}})
	if err := h.refused(Command{RemoveNode: &RemoveNode{Node: 3}}); !strings.Contains(err.Error(), "still has replicas") {
		t.Fatal(err)
	}
	p := h.alter(1, 2, 4)
	h.settle(25, ids(p.Replicas), nil)
	if err := h.refused(Command{RemoveNode: &RemoveNode{Node: 3}}); !strings.Contains(err.Error(), "votes in the metadata") {
		t.Fatal(err)
	}
	targets := []Target{{Node: 1}, {Node: 2}, {Node: 4}, {Node: 3, Role: Reader}}
	i := h.must(Command{AlterReplicas: &AlterReplicas{Shard: MetaShard, Targets: targets}})
	h.settleMeta(30, ids(i.Meta.Replicas)[:3], ids(i.Meta.Replicas)[3:])
	i = h.must(Command{RemoveNode: &RemoveNode{Node: 3}})
	if i.Nodes[3] != nil || shape(i.Meta) != "1 2 4 | 3" {
		t.Fatalf("after the removal node 3 is %v, the metadata %q", i.Nodes[3], shape(i.Meta))
	}
	if err := h.refused(register(3, life(3))); !strings.Contains(err.Error(), "cannot come back") {
		t.Fatal(err)
	}
	h.must(register(3, 999)) // another disk under the id, once it is free
}

func (h *house) settleMeta(index uint64, voters, learners []storage.ReplicaID) {
	h.t.Helper()
	h.must(Command{SettleMembers: &SettleMembers{[]Settled{{MetaShard, h.m.Image().Meta.Version, index, voters, learners}}}})
}

func TestTheLastHomeIsNotDecommissioned(t *testing.T) {
	h := newHouse(t, 3)
	if err := h.refused(Command{DrainNode: &DrainNode{Node: 2}}); !strings.Contains(err.Error(), `topic "t" has 3 replicas`) {
		t.Fatal(err)
	}
	alone := newHouse(t, 1)
	if err := alone.refused(Command{DrainNode: &DrainNode{Node: 1}}); !strings.Contains(err.Error(), "last one") {
		t.Fatal(err)
	}
	h.must(register(4, 400))
	h.must(Command{DrainNode: &DrainNode{Node: 2}})
	if err := h.refused(Command{DrainNode: &DrainNode{Node: 3}}); !strings.Contains(err.Error(), "only 2 nodes") {
		t.Fatal(err)
	}
	h.must(Command{DrainNode: &DrainNode{Node: 2, Cancel: true}})
	h.refused(Command{DrainNode: &DrainNode{Node: 2, Cancel: true}})
	h.must(Command{DrainNode: &DrainNode{Node: 3}})
}

func TestALostDiskIsReplaced(t *testing.T) {
	h := newHouse(t, 3)
	old := h.m.Image().Meta.Replicas[1]
	h.must(Command{ReplaceNode: &ReplaceNode{Node: 2, Incarnation: life(2)}})
	if err := h.refused(register(2, life(2))); !strings.Contains(err.Error(), "declared lost") {
		t.Fatal(err)
	}
	i := h.must(register(2, 222))
	if i.Nodes[2].State != Active {
		t.Fatalf("node 2 is %s", i.Nodes[2].State)
	}
	if shape(i.Meta) != "1 2? 3 | 2!" || i.Meta.Replicas[1].ID == old.ID || i.Meta.Replicas[1].Role != Voter {
		t.Fatalf("the metadata has %q, and in place of %+v %+v", shape(i.Meta), old, i.Meta.Replicas[1])
	}
	if !i.Lost(h.partition().Replicas[1]) || len(i.On(2, 222)) != 0 {
		t.Fatal("what was on the old disk does not count as lost")
	}
	h.alter(1, 2, 3)
	h.want("1 2? 3 | 2!")
}

func TestALostNodeIsDrainedInstead(t *testing.T) {
	h := newHouse(t, 4)
	h.alter(1, 2, 3)
	h.must(Command{ReplaceNode: &ReplaceNode{Node: 3}})
	h.must(Command{DrainNode: &DrainNode{Node: 3}})
	if !h.m.Image().Lost(h.partition().Replicas[2]) {
		t.Fatal("draining made what was lost whole again")
	}
	if i := h.must(Command{DrainNode: &DrainNode{Node: 3, Cancel: true}}); i.Nodes[3].State != Replacing {
		t.Fatalf("node 3 is %s", i.Nodes[3].State)
	}
}

func TestNodesThatAreNotThere(t *testing.T) {
	h := newHouse(t, 1)
	for _, c := range []Command{
		{RestNode: &RestNode{Node: 9}}, {DrainNode: &DrainNode{Node: 9}}, {ReplaceNode: &ReplaceNode{Node: 9}}, {RemoveNode: &RemoveNode{Node: 9}},
		{ReplaceNode: &ReplaceNode{Node: 1}}, {RemoveNode: &RemoveNode{Node: 1}},
	} {
		h.refused(c)
	}
}
