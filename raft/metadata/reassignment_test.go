package metadata

import (
	"fmt"
	"testing"
)

// moving is partition 0 of a topic in a cluster of four, whose replicas 1, 2, 3 shall be moved.
func moving(t *testing.T) *Machine {
	t.Helper()
	m := NewMachine()
	must := func(c Command) {
		t.Helper()
		if r := apply(t, m, c); r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	must(Command{FormCluster: &FormCluster{ClusterID: "c", Founders: map[NodeID]uint64{1: 1, 2: 2, 3: 3}}})
	for n := range NodeID(4) {
		must(Command{RegisterNode: &RegisterNode{Node: Node{ID: n + 1, Incarnation: uint64(n) + 1}}})
	}
	must(Command{CreateTopic: &CreateTopic{Name: "t", ID: TopicID{1}, Placement: [][]NodeID{{1, 2, 3}}}})
	return m
}

func alter(t *testing.T, m *Machine, targets []Target) *Partition {
	t.Helper()
	p := m.Image().Partition("t", 0)
	if r := apply(t, m, Command{AlterReplicas: &AlterReplicas{Shard: p.Shard, Targets: targets}}); r.Err != nil {
		t.Fatal(r.Err)
	}
	return m.Image().Partition("t", 0)
}

func TestReassignmentsAsKafkaSeesThem(t *testing.T) {
	m := moving(t)
	want := func(p *Partition, want string) {
		t.Helper()
		before, moving := p.Before()
		if got := fmt.Sprint(p.Reassignment(), before, moving); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	p := m.Image().Partition("t", 0)
	want(p, "{[1 2 3] [] []} [] false")
	p = alter(t, m, p.Voting([]NodeID{4, 2, 1}))
	want(p, "{[4 2 1 3] [4] [3]} [2 1 3] true")
	if p.Voters() != 3 {
		t.Errorf("%d voters, want 3", p.Voters())
	}

	before, _ := p.Before()
	p = alter(t, m, p.Voting(before))
	if p.Reassignment().Adding != nil || fmt.Sprint(p.Replicas[2].Node) != "3" {
		t.Errorf("called off, and yet %+v", p)
	}

	// A reader is no part of a reassignment, and stays where it is while voters are moved around it.
	m = moving(t)
	p = m.Image().Partition("t", 0)
	p = alter(t, m, append(p.Voting([]NodeID{1, 2, 3}), Target{4, Reader}))
	want(p, "{[1 2 3] [] []} [] false")
	p = alter(t, m, p.Voting([]NodeID{2, 1}))
	want(p, "{[2 1 3] [] [3]} [2 1 3] true")
	if last := p.Replicas[len(p.Replicas)-1]; last.Node != 4 || last.Role != Reader {
		t.Errorf("the reader is %+v", last)
	}
	// A reader that a voter shall be moved to becomes the voter.
	p = alter(t, m, p.Voting([]NodeID{2, 4}))
	if r := p.Replicas[1]; r.Node != 4 || r.Role != Voter || !r.Pending || len(p.Replicas) != 2 {
		t.Errorf("replicas %+v", p.Replicas)
	}
}
