package supervisor

import (
	"errors"
	"testing"

	"github.com/troupe-mq/troupe/raft/metadata"
)

// looks lets the supervisor with its production limits look so often, carries out what it says and
// lets move whatever can.
func (h *house) looks(rounds int) (commands int) {
	s := New(DefaultLimits)
	for range rounds {
		out := s.Look(Input{Image: h.image(), Usable: h.usable, Seconds: 1})
		for _, c := range out.Commands {
			if r := h.do(c); r.Err != nil {
				s.Answered(c, r.Err)
				continue
			}
			s.Answered(c, nil)
			commands++
		}
		h.settle()
	}
	return commands
}

// The operator moves 40 partitions to node 4 with Kafka's tool; node 4 dies for good before they
// have come. He decommissions node 4: nothing begins, ever.
func TestDecommissionOfTheDeadTargetOfManyMoves(t *testing.T) {
	h := newHouse(t, nodes(5, 0)...)
	var placement [][]metadata.NodeID
	for range 40 {
		placement = append(placement, []metadata.NodeID{1, 2, 3})
	}
	h.topic("t", placement...)
	h.settle()
	h.down[4] = true
	for p := range partitions(h.image()) {
		h.must(metadata.Command{AlterReplicas: &metadata.AlterReplicas{Shard: p.Shard, Targets: []metadata.Target{{Node: 1}, {Node: 2}, {Node: 4}}}})
	}
	h.must(metadata.Command{DrainNode: &metadata.DrainNode{Node: 4}})
	n := h.looks(1000)
	left := 0
	for p := range partitions(h.image()) {
		for _, r := range p.Replicas {
			if r.Node == 4 {
				left++
			}
		}
	}
	if left > 0 || h.image().Nodes[4] != nil {
		t.Errorf("after 1000 looks (%d commands carried out) node 4 still has %d of 40 replicas to come, and was not removed: %v", n, left, h.image().Nodes[4] != nil)
	}
	// and nothing else goes on either: node 3 is healthy and is to be decommissioned, too
	h.must(metadata.Command{DrainNode: &metadata.DrainNode{Node: 5}})
	h.topic("u", []metadata.NodeID{1, 2, 3})
	h.settle()
}

// A node finds 40 of its replicas damaged and has them replaced in place (ReplaceReplica), then its
// disk dies for good. It is decommissioned.
func TestDecommissionOfANodeThatWasRebuilding(t *testing.T) {
	h := newHouse(t, nodes(5, 0)...)
	var placement [][]metadata.NodeID
	for range 40 {
		placement = append(placement, []metadata.NodeID{1, 2, 4})
	}
	h.topic("t", placement...)
	h.settle()
	h.down[4] = true
	for p := range partitions(h.image()) {
		h.must(metadata.Command{ReplaceReplica: &metadata.ReplaceReplica{Shard: p.Shard, Replica: p.Replicas[2].ID}})
	}
	h.must(metadata.Command{DrainNode: &metadata.DrainNode{Node: 4}})
	n := h.looks(1000)
	if h.image().Nodes[4] != nil {
		t.Errorf("after 1000 looks (%d commands carried out) the dead node 4 is still there", n)
	}
}

// __meta: five nodes, voter 3 is decommissioned, node 4 is to vote in its place and dies before it
// does. Both are to be decommissioned. One dead node of five.
func TestMetaMoveToANodeThatDies(t *testing.T) {
	for _, replace := range []bool{false, true} {
		h := newHouse(t, nodes(4, 0)...)
		h.must(metadata.Command{DrainNode: &metadata.DrainNode{Node: 3}})
		s := New(DefaultLimits)
		out := s.Look(Input{Image: h.image(), Usable: h.usable, Seconds: 1})
		for _, c := range out.Commands {
			h.must(c)
		}
		if !h.image().Meta.Moving() {
			t.Fatalf("no move of __meta: %+v", out.Commands)
		}
		h.down[4] = true // before it is a voter
		h.must(metadata.Command{RegisterNode: &metadata.RegisterNode{Node: metadata.Node{ID: 5, Incarnation: 55}}})
		if replace { // the operator's last resort
			h.must(metadata.Command{ReplaceNode: &metadata.ReplaceNode{Node: 4}})
		}
		h.looks(300)
		h.must(metadata.Command{DrainNode: &metadata.DrainNode{Node: 4}})
		h.looks(1000)
		if h.image().Nodes[3] != nil || h.image().Nodes[4] != nil {
			t.Errorf("replace=%v: node 3 (healthy, decommissioned) still there: %v; node 4 (dead, decommissioned) still there: %v; __meta's replicas %+v leaving %+v", replace,
				h.image().Nodes[3] != nil, h.image().Nodes[4] != nil, h.image().Meta.Replicas, h.image().Meta.Leaving)
		}
	}
}

// A command that is refused is tried again after pauses that grow, so that it does not fill the log
// of __meta, and says so; it does not keep another one back.
func TestARefusedMoveIsPaused(t *testing.T) {
	h := newHouse(t, nodes(4, 0)...)
	h.topic("t", []metadata.NodeID{1, 2, 4}, []metadata.NodeID{1, 2, 4})
	h.settle()
	h.must(metadata.Command{DrainNode: &metadata.DrainNode{Node: 4}})
	refused := h.image().Partition("t", 0).Shard
	s, tries := New(DefaultLimits), 0
	var status Status
	for range 600 {
		out := s.Look(Input{Image: h.image(), Usable: h.usable, Seconds: 1})
		for _, c := range out.Commands {
			if c.AlterReplicas != nil && c.AlterReplicas.Shard == refused {
				tries++
				s.Answered(c, errors.New("the reason"))
				continue
			}
			h.must(c)
			s.Answered(c, nil)
		}
		h.settle()
		status = out.Status
	}
	if tries < 5 || tries > 20 {
		t.Errorf("tried %d times within 600 s", tries)
	}
	if len(status.Refused) != 1 || status.Refused[0].Why != "the reason" {
		t.Errorf("refused: %+v", status.Refused)
	}
	if p := h.image().Partition("t", 1); p.Moving() || p.Nodes()[2] == 4 {
		t.Errorf("the other partition is %+v", p)
	}
}
