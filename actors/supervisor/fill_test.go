package supervisor

import (
	"fmt"
	"testing"

	"github.com/troupe-mq/troupe/raft/metadata"
)

// Partitions that were made with too few nodes get the voters that they should have as nodes come,
// as many as there are nodes, and say so in the plan. The cluster's own topics that an older build
// made get what the settings say.
func TestPartitionsAreFilledUp(t *testing.T) {
	h := newHouse(t, nodes(2, 0)...)
	h.must(metadata.Command{CreateTopic: &metadata.CreateTopic{Name: "t", ID: metadata.TopicID{1}, Wanted: 3, Placement: [][]metadata.NodeID{{1, 2}, {2, 1}}}})
	h.must(metadata.Command{CreateTopic: &metadata.CreateTopic{Name: "two", ID: metadata.TopicID{2}, Placement: [][]metadata.NodeID{{1, 2}}}})
	h.must(metadata.Command{CreateTopic: &metadata.CreateTopic{Name: metadata.ConsumerOffsets, ID: metadata.TopicID{3}, Internal: true, Placement: [][]metadata.NodeID{{1, 2}}}})
	s := New(DefaultLimits)
	look := func() Output { return s.Look(Input{Image: h.image(), Usable: h.usable, Seconds: 1, Internal: 3}) }
	for shard, why := range look().Why {
		if why == Fill {
			t.Fatalf("shard %d is filled up, and there is no third node", shard)
		}
	}
	for id := range metadata.NodeID(2) {
		h.must(metadata.Command{RegisterNode: &metadata.RegisterNode{Node: metadata.Node{ID: id + 3, Incarnation: uint64(id) + 3}}})
	}
	h.settle()
	filled := 0
	for range 20 {
		out := look()
		for _, c := range out.Commands {
			if c.AlterReplicas != nil && out.Why[c.AlterReplicas.Shard] == Fill && c.AlterReplicas.Shard != metadata.MetaShard {
				filled++
			}
			h.must(c)
		}
		h.settle()
	}
	got := fmt.Sprint(h.image().Partition("t", 0).Voters(), h.image().Partition("t", 1).Voters(), h.image().Partition("two", 0).Voters(), h.image().Partition(metadata.ConsumerOffsets, 0).Voters())
	if got != "3 3 2 3" || filled != 3 {
		t.Errorf("voters %s, %d moves say that they fill up", got, filled)
	}
}
