package metadata

import (
	"fmt"
	"testing"

	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/storage"
)

// house is a machine that commands are given to as they would come from the log.
type house struct {
	t     testing.TB
	m     *Machine
	index uint64
}

// newHouse is a cluster of founders 1 to n, registered, with one topic "t" of one partition on all
// of them.
func newHouse(t testing.TB, n int) *house {
	h := &house{t: t, m: NewMachine()}
	founders := map[NodeID]uint64{}
	for id := range n {
		founders[NodeID(id+1)] = life(NodeID(id + 1))
	}
	h.must(Command{FormCluster: &FormCluster{ClusterID: "cluster", Founders: founders}})
	var nodes []NodeID
	for id := range n {
		h.must(register(NodeID(id+1), life(NodeID(id+1))))
		nodes = append(nodes, NodeID(id+1))
	}
	h.must(Command{CreateTopic: &CreateTopic{Name: "t", ID: TopicID{1}, Placement: [][]NodeID{nodes}}})
	return h
}

// life is the first incarnation of a node.
func life(n NodeID) uint64 { return uint64(n) * 100 }

func register(n NodeID, incarnation uint64) Command {
	return Command{RegisterNode: &RegisterNode{Node{ID: n, Incarnation: incarnation, Control: fmt.Sprintf("host%d:9093", n)}}}
}

// do applies a command by way of its encoding.
func (h *house) do(c Command) Result {
	h.t.Helper()
	data, err := c.Encode()
	if err != nil {
		h.t.Fatal(err)
	}
	h.index++
	r, err := h.m.Apply(h.index, 1, data)
	if err != nil {
		h.t.Fatalf("%s: %v", data, err)
	}
	return r.(Result)
}

func (h *house) must(c Command) *Image {
	h.t.Helper()
	if r := h.do(c); r.Err != nil {
		h.t.Fatalf("refused: %v", r.Err)
	}
	return h.m.Image()
}

// refused applies a command that must change nothing, and returns why.
func (h *house) refused(c Command) *protocol.Error {
	h.t.Helper()
	before := h.m.Image()
	r := h.do(c)
	if r.Err == nil {
		h.t.Fatalf("not refused: %+v", c)
	}
	if !before.at(h.index).Same(h.m.Image()) {
		h.t.Fatalf("refused (%v), and yet the image changed", r.Err)
	}
	return r.Err
}

// partition is the one of topic t.
func (h *house) partition() *Partition { return h.m.Image().Partition("t", 0) }

// settle reports the members of the partition at the given index of its log.
func (h *house) settle(index uint64, voters, learners []storage.ReplicaID) *Partition {
	h.t.Helper()
	p := h.partition()
	h.must(Command{SettleMembers: &SettleMembers{[]Settled{{p.Shard, p.Version, index, voters, learners}}}})
	return h.partition()
}

func (h *house) alter(nodes ...NodeID) *Partition {
	h.t.Helper()
	h.must(Command{AlterReplicas: &AlterReplicas{Shard: h.partition().Shard, Targets: voters(nodes...)}})
	return h.partition()
}

func voters(nodes ...NodeID) (targets []Target) {
	for _, n := range nodes {
		targets = append(targets, Target{Node: n})
	}
	return targets
}

// shape writes a partition's replicas: node, ? if pending, r for a reader; behind | those that
// leave, ! if lost.
func shape(p *Partition) string {
	s := ""
	for _, r := range p.Replicas {
		s += fmt.Sprintf(" %d", r.Node)
		if r.Role == Reader {
			s += "r"
		}
		if r.Pending {
			s += "?"
		}
	}
	for at, r := range p.Leaving {
		if at == 0 {
			s += " |"
		}
		s += fmt.Sprintf(" %d", r.Node)
		if r.Lost {
			s += "!"
		}
	}
	return s[1:]
}

func (h *house) want(shapeOf string) {
	h.t.Helper()
	if got := shape(h.partition()); got != shapeOf {
		h.t.Fatalf("the partition is %q, want %q", got, shapeOf)
	}
}
