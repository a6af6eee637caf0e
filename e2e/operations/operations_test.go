package operations

import (
	"math/rand/v2"
	"testing"
)

// Every operation of many plans is possible: it is about nodes that are there then, the cluster
// keeps its size, and every replica finds a node.
func TestPlan(t *testing.T) {
	kinds := Names()
	seen := map[string]bool{}
	for seed := range uint64(100) {
		w := watch{t: t, seed: seed, members: map[int]bool{1: true, 2: true, 3: true}, resting: -1}
		c := Cluster{Members: []int{1, 2, 3}, Partitions: 3, Replicas: 3}
		for i, op := range Plan(rand.New(rand.NewPCG(seed, 1)), c, 50, kinds) {
			seen[op.Kind] = true
			w.at = i
			w.follow(op)
		}
	}
	if len(seen) != len(kinds) {
		t.Errorf("only %v came up", seen)
	}
}

// watch is a cluster that does what a plan says.
type watch struct {
	t        *testing.T
	seed     uint64
	at       int
	members  map[int]bool
	resting  int
	readers  int
	everyone int // ever
}

func (w *watch) follow(op Operation) {
	fail := func(why string) { w.t.Fatalf("seed %d, operation %d, %s: %s", w.seed, w.at, op, why) }
	switch op.Kind {
	case "join":
		if w.members[op.Node] || op.Node <= w.everyone {
			fail("there is or was such a node already")
		}
		w.members[op.Node], w.everyone = true, op.Node
	case "reassign":
		for _, n := range op.Replicas {
			if !w.members[n] {
				fail("a replica on a node that is not there")
			}
		}
		if len(op.Replicas) != 3 {
			fail("not as many replicas as there were")
		}
	case "readers":
		w.readers = op.Readers
	default:
		if !w.members[op.Node] {
			fail("no such node")
		}
	}
	switch op.Kind {
	case "maintenance":
		switch w.resting {
		case -1:
			w.resting = op.Node
		case op.Node:
			w.resting = -1
		default:
			fail("a second node in maintenance")
		}
	case "decommission", "lose", "cancel", "replace":
		if op.Node == w.resting {
			fail("it is in maintenance")
		}
		if op.Kind != "replace" && len(w.members)-1 < 3+w.readers {
			fail("too few nodes are left for the replicas")
		}
		if op.Kind == "decommission" || op.Kind == "lose" {
			delete(w.members, op.Node)
		}
	}
	if len(w.members) < max(Fewest, 3+w.readers) || len(w.members) > Most {
		fail("a cluster of another size")
	}
}
