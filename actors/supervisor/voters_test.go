package supervisor

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/troupe-mq/troupe/raft/metadata"
)

// settleMeta has the metadata's voters become as they are planned, until nothing more is planned.
func (h *house) settleMeta() {
	h.t.Helper()
	for round := 0; ; round++ {
		h.settle()
		m, ok := PlanMeta(h.image(), h.usable)
		if !ok {
			return
		}
		if round > 20 {
			h.t.Fatalf("no end: %+v", m)
		}
		h.must(m.command())
	}
}

func (h *house) votes(n metadata.NodeID) bool {
	return slices.ContainsFunc(h.image().Meta.Replicas, func(r metadata.Replica) bool { return r.Node == n && r.Role == metadata.Voter })
}

// TestChosenVotersStay holds for random clusters and troubles that what is accepted of an operator
// about the voters of __meta is not undone by the plan, at whatever moment it came.
func TestChosenVotersStay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := &house{t: t}
		h.build(nodes(rapid.IntRange(1, 7).Draw(t, "nodes"), rapid.IntRange(0, 3).Draw(t, "racks")))
		if rapid.Bool().Draw(t, "calm") {
			h.settleMeta()
		}
		trouble(t, h)
		ids := slices.Sorted(func(yield func(metadata.NodeID) bool) {
			for id := range h.image().Nodes {
				if !yield(id) {
					return
				}
			}
		})
		for _, id := range ids {
			h.down[id] = rapid.IntRange(0, 4).Draw(t, "down") == 0
		}
		for range rapid.IntRange(1, 3).Draw(t, "choices") {
			h.choice(t, rapid.SampledFrom(ids).Draw(t, "node"), rapid.Bool().Draw(t, "add"))
		}
	})
}

// choice is one choice of the operator's, and what becomes of it.
func (h *house) choice(t *rapid.T, id metadata.NodeID, add bool) {
	change := RemoveVoter
	if add {
		change = AddVoter
	}
	c, err := change(h.image(), h.usable, id)
	if err != nil {
		return
	}
	h.must(metadata.Command{AlterReplicas: &c})
	h.settleMeta()
	if h.votes(id) != add {
		t.Fatalf("the choice to have node %d vote (%v) was accepted and undone: %+v", id, add, h.image().Meta.Replicas)
	}
}

func TestTheOperatorChoosesWhoVotes(t *testing.T) {
	h := newHouse(t, nodes(6, 0)...)
	h.settleMeta()
	for _, choice := range []struct {
		remove, instead metadata.NodeID
	}{{1, 6}, {6, 1}} {
		c, err := RemoveVoter(h.image(), h.usable, choice.remove)
		if err != nil {
			t.Fatal(err)
		}
		h.must(metadata.Command{AlterReplicas: &c})
		h.settleMeta()
		if h.votes(choice.remove) || !h.votes(choice.instead) {
			t.Fatalf("node %d is to vote instead of %d: %+v", choice.instead, choice.remove, h.image().Meta.Replicas)
		}
	}
}

// A node that is being emptied votes no more, so another one is wanted: it may be named.
func TestAVoterIsNamedForOneThatLeaves(t *testing.T) {
	h := newHouse(t, nodes(5, 0)...)
	h.settle()
	h.must(metadata.Command{DrainNode: &metadata.DrainNode{Node: 2}})
	if _, err := AddVoter(h.image(), h.usable, 2); err == nil {
		t.Fatal("a node that leaves is given a vote")
	}
	c, err := AddVoter(h.image(), h.usable, 5)
	if err != nil {
		t.Fatal(err)
	}
	h.must(metadata.Command{AlterReplicas: &c})
	h.settleMeta()
	if h.votes(2) || !h.votes(5) {
		t.Fatalf("node 5 is to vote instead of 2: %+v", h.image().Meta.Replicas)
	}
}
