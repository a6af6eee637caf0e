package supervisor

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// house is a cluster's metadata that plans are made for and carried out on.
type house struct {
	t interface {
		Helper()
		Fatalf(string, ...any)
	}
	m     *metadata.Machine
	index uint64
	down  map[metadata.NodeID]bool
	log   uint64 // index of the shards' logs
}

func newHouse(t *testing.T, nodes ...metadata.Node) *house {
	h := &house{t: t}
	h.build(nodes)
	return h
}

func (h *house) build(nodes []metadata.Node) {
	h.m, h.down = metadata.NewMachine(), map[metadata.NodeID]bool{}
	founders := map[metadata.NodeID]uint64{}
	for _, n := range nodes[:min(3, len(nodes))] {
		founders[n.ID] = n.Incarnation
	}
	h.must(metadata.Command{FormCluster: &metadata.FormCluster{ClusterID: "c", Founders: founders, Levels: metadata.Newest()}})
	for _, n := range nodes {
		h.must(metadata.Command{RegisterNode: &metadata.RegisterNode{Node: n}})
	}
	h.settle()
}

// nodes are n nodes, in racks r of them large unless r is 0.
func nodes(n, racks int) (all []metadata.Node) {
	for i := range n {
		node := metadata.Node{ID: metadata.NodeID(i + 1), Incarnation: uint64(i + 1)}
		if racks > 0 {
			node.Rack = fmt.Sprint("rack", i%racks)
		}
		all = append(all, node)
	}
	return all
}

func (h *house) image() *metadata.Image { return h.m.Image() }

func (h *house) usable(n metadata.NodeID) bool { return !h.down[n] }

// do applies a command; nodes run this build.
func (h *house) do(c metadata.Command) metadata.Result {
	h.t.Helper()
	if c.RegisterNode != nil && c.RegisterNode.Node.Features == nil {
		c.RegisterNode.Node.Features = metadata.Features
	}
	data, err := c.Encode()
	if err != nil {
		h.t.Fatalf("%v", err)
	}
	h.index++
	r, err := h.m.Apply(h.index, 1, data)
	if err != nil {
		h.t.Fatalf("%v", err)
	}
	return r.(metadata.Result)
}

func (h *house) must(c metadata.Command) {
	h.t.Helper()
	if r := h.do(c); r.Err != nil {
		h.t.Fatalf("%+v: %v", c, r.Err)
	}
}

func (h *house) topic(name string, placement ...[]metadata.NodeID) {
	h.t.Helper()
	id := metadata.TopicID{byte(len(h.image().Topics) + 1), 1}
	h.must(metadata.Command{CreateTopic: &metadata.CreateTopic{Name: name, ID: id, Placement: placement}})
}

// place has Place create a topic.
func (h *house) place(name string, partitions, replicas int) {
	h.t.Helper()
	placement, err := Place(h.image(), h.usable, name, partitions, replicas)
	if err != nil {
		h.t.Fatalf("%v", err)
	}
	h.topic(name, placement...)
}

// settle has all shards get the members they shall have, but for replicas on nodes that are down.
func (h *house) settle() {
	h.t.Helper()
	h.log++
	all := slices.Collect(partitions(h.image()))
	if h.image().Meta != nil {
		all = append(all, h.image().Meta)
	}
	for _, p := range all {
		if !p.Moving() || slices.ContainsFunc(p.Replicas, func(r metadata.Replica) bool {
			return r.Pending && r.Role == metadata.Voter && h.down[r.Node]
		}) {
			continue
		}
		s := metadata.Settled{Shard: p.Shard, Version: p.Version, Index: p.Settled + 1}
		for _, r := range p.Replicas {
			if r.Role == metadata.Voter {
				s.Voters = append(s.Voters, r.ID)
			} else {
				s.Learners = append(s.Learners, r.ID)
			}
		}
		h.must(metadata.Command{SettleMembers: &metadata.SettleMembers{Shards: []metadata.Settled{s}}})
	}
}

// run carries out what a supervisor says until it says nothing more, and returns how many replicas
// were placed anew.
func (h *house) run() (placed int) {
	h.t.Helper()
	s := New(Limits{Moves: 6, PerNode: 2, Bytes: 1 << 30, Reordered: 3})
	for round := 0; ; round++ {
		if round > 5_000 {
			h.t.Fatalf("no end after %d rounds: %+v", round, Plan(h.image(), h.usable))
		}
		before := h.image().NextReplica
		out := s.Look(Input{Image: h.image(), Usable: h.usable, Seconds: 1})
		for _, c := range out.Commands {
			h.must(c)
		}
		if a := under(h.image()); a.moves > 6 || a.perNode > 2 {
			h.t.Fatalf("%d moves at once, %d to one node: more than the limits", a.moves, a.perNode)
		}
		placed += int(h.image().NextReplica - before)
		h.settle()
		if len(out.Commands) == 0 {
			return placed
		}
	}
}

type underway struct{ moves, perNode int }

func under(i *metadata.Image) (u underway) {
	to := map[metadata.NodeID]int{}
	for p := range partitions(i) {
		if p.Moving() {
			u.moves++
		}
		for _, r := range p.Replicas {
			if r.Pending {
				to[r.Node]++
				u.perNode = max(u.perNode, to[r.Node])
			}
		}
	}
	return u
}

// load counts replicas and preferred leaders by node, of the nodes that replicas may be on.
func (h *house) load() (replicas, leaders map[metadata.NodeID]int) {
	replicas, leaders = map[metadata.NodeID]int{}, map[metadata.NodeID]int{}
	for id, n := range h.image().Nodes {
		if n.Home() && h.usable(id) {
			replicas[id], leaders[id] = 0, 0
		}
	}
	for p := range partitions(h.image()) {
		for i, r := range p.Replicas {
			if _, counts := replicas[r.Node]; !counts {
				continue
			}
			replicas[r.Node]++
			if i == 0 {
				leaders[r.Node]++
			}
		}
	}
	return replicas, leaders
}

func apart(counts map[metadata.NodeID]int) int {
	least, most := 1<<30, 0
	for _, n := range counts {
		least, most = min(least, n), max(most, n)
	}
	return most - least
}

// excess is how many replicas at least have to move for the counts to be within one of each other.
func excess(counts map[metadata.NodeID]int) int {
	total, n := 0, len(counts)
	var sorted []int
	for _, c := range counts {
		total += c
		sorted = append(sorted, c)
	}
	slices.Sort(sorted)
	slices.Reverse(sorted)
	moves := 0
	for i, c := range sorted {
		fair := total / n
		if i < total%n {
			fair++
		}
		moves += max(0, c-fair)
	}
	return moves
}

func TestNinePartitionsOnThreeNodesLeadThreeEach(t *testing.T) {
	h := newHouse(t, nodes(3, 0)...)
	all := []metadata.NodeID{1, 2, 3}
	h.topic("t", all, all, all, all, all, all, all, all, all)
	if placed := h.run(); placed != 0 {
		t.Fatalf("%d replicas were moved to change leaders", placed)
	}
	replicas, leaders := h.load()
	if fmt.Sprint(replicas) != "map[1:9 2:9 3:9]" || fmt.Sprint(leaders) != "map[1:3 2:3 3:3]" {
		t.Fatalf("replicas %v, leaders %v", replicas, leaders)
	}
}

func TestAThousandPartitionsAndANodeThatComes(t *testing.T) {
	h := newHouse(t, nodes(4, 0)...)
	for i := range 10 {
		h.place(fmt.Sprint("t", i), 100, 3)
	}
	if moves := Plan(h.image(), h.usable); len(moves) > 0 {
		t.Fatalf("what Place made even is changed: %d moves, the first %+v", len(moves), moves[0])
	}
	h.must(metadata.Command{RegisterNode: &metadata.RegisterNode{Node: metadata.Node{ID: 5, Incarnation: 5}}})
	replicas, _ := h.load()
	least := excess(replicas)
	if placed := h.run() - 0; placed != least {
		t.Fatalf("%d replicas moved, %d would do", placed, least)
	}
	replicas, leaders := h.load()
	if apart(replicas) > 1 || apart(leaders) > 1 {
		t.Fatalf("replicas %v, leaders %v", replicas, leaders)
	}
}

func TestADrainedNodeIsEmptiedAndRemoved(t *testing.T) {
	h := newHouse(t, nodes(5, 0)...)
	h.place("t", 50, 2)
	replicas, _ := h.load()
	on := replicas[2]
	h.must(metadata.Command{DrainNode: &metadata.DrainNode{Node: 2}})
	if placed := h.run(); placed != on {
		t.Fatalf("%d replicas were placed anew, node 2 had %d", placed, on)
	}
	replicas, leaders := h.load()
	if h.image().Nodes[2] != nil || apart(replicas) > 1 || apart(leaders) > 1 {
		t.Fatalf("node 2 is %v, replicas %v, leaders %v", h.image().Nodes[2], replicas, leaders)
	}
	voters := 0
	for _, r := range h.image().Meta.Replicas {
		if r.Role == metadata.Voter {
			voters++
		}
	}
	if voters != 3 {
		t.Fatalf("%d nodes vote in the metadata, want 3", voters)
	}
}

func TestADeadNodeThatIsDrainedIsReplacedByTheOthers(t *testing.T) {
	h := newHouse(t, nodes(4, 0)...)
	h.place("t", 12, 3)
	h.down[1] = true
	if moves := Plan(h.image(), h.usable); len(moves) > 0 {
		t.Fatalf("a node that is only down is taken something from: %+v", moves[0])
	}
	h.must(metadata.Command{DrainNode: &metadata.DrainNode{Node: 1}})
	h.run()
	if replicas, _ := h.load(); h.image().Nodes[1] != nil || fmt.Sprint(replicas) != "map[2:12 3:12 4:12]" {
		t.Fatalf("node 1 is %v, replicas %v", h.image().Nodes[1], replicas)
	}
}

func TestALostDiskIsFilledAgain(t *testing.T) {
	h := newHouse(t, nodes(3, 0)...)
	h.place("t", 6, 3)
	h.must(metadata.Command{ReplaceNode: &metadata.ReplaceNode{Node: 3}})
	if moves := Plan(h.image(), h.usable); len(moves) > 0 {
		t.Fatalf("moved before the node is back: %+v", moves[0])
	}
	h.must(metadata.Command{RegisterNode: &metadata.RegisterNode{Node: metadata.Node{ID: 3, Incarnation: 33}}})
	if placed := h.run(); placed != 6 {
		t.Fatalf("%d replicas were placed anew, want 6", placed)
	}
	for p := range partitions(h.image()) {
		if slices.ContainsFunc(p.Members(), h.image().Lost) {
			t.Fatalf("%+v", p.Members())
		}
	}
}

func TestANodeThatComesBackGetsItsShare(t *testing.T) {
	h := newHouse(t, nodes(3, 0)...)
	h.down[3] = true
	h.place("t", 9, 2)
	h.down[3] = false
	h.run()
	if replicas, leaders := h.load(); apart(replicas) > 1 || apart(leaders) > 1 {
		t.Fatalf("replicas %v, leaders %v", replicas, leaders)
	}
}

// TestPlans holds for random clusters and troubles what a plan promises.
func TestPlans(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := &house{t: t}
		racks := rapid.SampledFrom([]int{0, 0, 2, 3}).Draw(t, "racks")
		h.build(nodes(rapid.IntRange(1, 7).Draw(t, "nodes"), racks))
		h.crowd(t)
		trouble(t, h)
		replicas, _ := h.load()
		least := h.misplaced()
		if len(rackSizes(h.image())) == 1 {
			least = max(least, excess(replicas))
		}
		placed := h.run()
		if moves := Plan(h.image(), h.usable); len(moves) > 0 {
			t.Fatalf("at rest, and yet moves are planned: %+v", moves)
		}
		if placed < least {
			t.Fatalf("%d replicas were placed anew, %d have to be", placed, least)
		}
		h.holds(t, racks)
	})
}

// crowd fills the cluster without order.
func (h *house) crowd(t *rapid.T) {
	n := len(h.image().Nodes)
	for i := range rapid.IntRange(0, 4).Draw(t, "topics") {
		replicas := rapid.IntRange(1, min(n, 4)).Draw(t, "replicas")
		var placement [][]metadata.NodeID
		for range rapid.IntRange(1, 12).Draw(t, "partitions") {
			all := rapid.Permutation(slices.Sorted(func(yield func(metadata.NodeID) bool) {
				for id := range h.image().Nodes {
					if !yield(id) {
						return
					}
				}
			})).Draw(t, "order")
			placement = append(placement, all[:replicas])
		}
		h.topic(fmt.Sprint("t", i), placement...)
	}
}

// trouble has nodes come, be drained or lose their disks.
func trouble(t *rapid.T, h *house) {
	next := metadata.NodeID(len(h.image().Nodes) + 1)
	for i := range rapid.IntRange(0, 3).Draw(t, "troubles") {
		node := rapid.Int32Range(1, next-1).Draw(t, "node")
		switch rapid.IntRange(0, 2).Draw(t, "trouble") {
		case 0:
			h.do(metadata.Command{RegisterNode: &metadata.RegisterNode{Node: metadata.Node{ID: next, Incarnation: uint64(next), Rack: fmt.Sprint("rack", next%2)}}})
			next++
		case 1:
			h.do(metadata.Command{DrainNode: &metadata.DrainNode{Node: node}})
		case 2:
			if h.do(metadata.Command{ReplaceNode: &metadata.ReplaceNode{Node: node}}).Err == nil {
				// another one each time: one that was given up does not return
				disk := uint64(1000*(i+1)) + uint64(node)
				h.do(metadata.Command{RegisterNode: &metadata.RegisterNode{Node: metadata.Node{ID: node, Incarnation: disk, Rack: h.image().Nodes[node].Rack}}})
			}
		}
		h.settle()
	}
}

// misplaced counts the replicas that cannot stay.
func (h *house) misplaced() (n int) {
	for p := range partitions(h.image()) {
		for _, r := range p.Replicas {
			if n := h.image().Nodes[r.Node]; n.State == metadata.Replacing {
				continue // waited for
			}
			if h.image().Lost(r) || !h.image().Nodes[r.Node].Home() {
				n++
			}
		}
	}
	return n
}

func (h *house) holds(t *rapid.T, racks int) {
	image := h.image()
	for p := range partitions(image) {
		in := map[string]bool{}
		if slices.ContainsFunc(p.Replicas, func(r metadata.Replica) bool { return image.Nodes[r.Node].State == metadata.Replacing }) {
			continue // waited for
		}
		for _, r := range p.Replicas {
			if image.Lost(r) || !image.Nodes[r.Node].Home() {
				t.Fatalf("replica %+v stayed", r)
			}
			in[image.Nodes[r.Node].Rack] = true
		}
		all := map[string]bool{}
		for _, n := range image.Nodes {
			if n.Home() {
				all[n.Rack] = true
			}
		}
		if len(in) < min(len(all), len(p.Replicas)) {
			t.Fatalf("%s-%d is in %d racks of %d with %d replicas", p.Topic, p.Index, len(in), len(all), len(p.Replicas))
		}
	}
	replicas, leaders := h.load()
	if racks == 0 && len(rackSizes(image)) == 1 && apart(replicas) > 1 {
		t.Fatalf("replicas %v", replicas)
	}
	if evenLeaders(h) && apart(leaders) > 1 {
		t.Fatalf("leaders %v", leaders)
	}
	for id, n := range image.Nodes {
		if n.State == metadata.Draining && len(replicas) > 0 {
			t.Fatalf("node %d is still being drained", id)
		}
	}
}

func rackSizes(i *metadata.Image) map[string]int {
	sizes := map[string]int{}
	for _, n := range i.Nodes {
		sizes[n.Rack]++
	}
	return sizes
}

// evenLeaders reports whether every partition is on every node, so that the leaders can be chosen
// freely.
func evenLeaders(h *house) bool {
	for p := range partitions(h.image()) {
		if len(p.Replicas) < len(h.image().Nodes) {
			return false
		}
	}
	return true
}

// TestNoFlapping holds that a node that goes and comes back changes nothing: neither while it is
// away nor after.
func TestNoFlapping(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := &house{t: t}
		h.build(nodes(rapid.IntRange(2, 6).Draw(t, "nodes"), rapid.IntRange(0, 3).Draw(t, "racks")))
		h.crowd(t)
		h.run()
		at := h.image()
		for range 3 {
			n := rapid.Int32Range(1, int32(len(at.Nodes))).Draw(t, "node")
			h.down[n] = true
			h.run()
			h.down[n] = false
			h.run()
		}
		if before := at.Topics; len(before) > 0 && fmt.Sprint(shapes(at)) != fmt.Sprint(shapes(h.image())) {
			t.Fatalf("from %v to %v", shapes(at), shapes(h.image()))
		}
	})
}

func shapes(i *metadata.Image) (all [][]storage.ReplicaID) {
	for p := range partitions(i) {
		var ids []storage.ReplicaID
		for _, r := range p.Replicas {
			ids = append(ids, r.ID)
		}
		all = append(all, ids)
	}
	return all
}
