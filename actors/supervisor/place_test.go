package supervisor

import (
	"testing"

	"github.com/troupe-mq/troupe/raft/metadata"
)

// When a node is gone each of the others takes over its share of what that one led, and no node
// leads the more for it.
func TestADeadNodesLeadershipsAreSpread(t *testing.T) {
	for _, n := range []int{3, 4, 5} {
		h := newHouse(t, nodes(n, 1)...)
		const each = 12
		for _, topic := range []string{"one", "two", "three"} { // the topics that there are count
			h.place(topic, each*n*(n-1)/3, 3)
		}
		heirs := make(map[pair]int)
		for p := range partitions(h.image()) {
			heirs[pair{p.Replicas[0].Node, p.Replicas[1].Node}]++
		}
		for first := range h.image().Nodes {
			for second := range h.image().Nodes {
				if got := heirs[pair{first, second}]; first != second && (got < each-2 || got > each+2) {
					t.Errorf("%d nodes: node %d takes over %d partitions of node %d, want about %d", n, second, got, first, each)
				}
			}
		}
	}
}

// Whoever cannot be used now is the last to lead.
func TestAnUnusableNodeIsTheLastToLead(t *testing.T) {
	h := newHouse(t, nodes(3, 1)...)
	h.down[2] = true
	h.place("topic", 30, 3)
	for p := range partitions(h.image()) {
		if p.Replicas[2].Node != metadata.NodeID(2) {
			t.Fatalf("the node that is down is not the last of %+v", p.Replicas)
		}
	}
}
