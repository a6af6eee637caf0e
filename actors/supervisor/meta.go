package supervisor

import (
	"slices"

	"github.com/troupe-mq/troupe/raft/metadata"
)

// PlanMeta returns the change of __meta's replicas that gives it as many voters as it shall have, on nodes that stay, in different racks if
// there is a choice; false if nothing is to be done, or a change is under way. Voters stay where they are while they can, even if their nodes are down.
func PlanMeta(image *metadata.Image, usable func(metadata.NodeID) bool) (Move, bool) {
	meta := image.Meta
	if meta == nil || meta.Moving() {
		return Move{}, false
	}
	voters := chooseVoters(image, metadata.MetaVoters(homes(image)), usable)
	c := withVoters(image, voters)
	m := Move{Topic: "__meta", Shard: c.Shard, Seen: c.Seen, Targets: c.Targets}
	changed := false
	for _, r := range meta.Replicas {
		switch {
		case image.Nodes[r.Node] == nil:
			return Move{}, false // a founder that has not registered
		case r.Role == metadata.Voter && !image.Nodes[r.Node].Home():
			m.Why = Drain
		}
		changed = changed || slices.Contains(voters, r.Node) != (r.Role == metadata.Voter)
	}
	return m, changed && len(voters) > 0
}

// chooseVoters returns n nodes to vote, or as many as there are: first those that do, then those in racks without a voter.
func chooseVoters(image *metadata.Image, n int, usable func(metadata.NodeID) bool) (voters []metadata.NodeID) {
	racks := make(map[string]int)
	add := func(r metadata.Replica) {
		voters = append(voters, r.Node)
		racks[image.Nodes[r.Node].Rack]++
	}
	var others []metadata.Replica
	for _, r := range image.Meta.Replicas {
		switch node := image.Nodes[r.Node]; {
		case node == nil || !node.Home():
		case r.Role == metadata.Voter && len(voters) < n:
			add(r)
		case r.Role == metadata.Reader && usable(r.Node) && !image.Lost(r):
			others = append(others, r)
		}
	}
	for len(voters) < n && len(others) > 0 {
		best := 0
		for i, r := range others {
			if racks[image.Nodes[r.Node].Rack] < racks[image.Nodes[others[best].Node].Rack] {
				best = i
			}
		}
		add(others[best])
		others = slices.Delete(others, best, best+1)
	}
	if len(voters) < n { // keep what there is rather than fewer than there could be
		for _, r := range image.Meta.Replicas {
			if node := image.Nodes[r.Node]; r.Role == metadata.Voter && node != nil && !node.Home() && len(voters) < n {
				add(r)
			}
		}
	}
	return voters
}

// Emptied returns the nodes that are being drained and hold nothing any more.
func Emptied(image *metadata.Image) (nodes []metadata.NodeID) {
	for id := range image.Nodes {
		if image.Emptied(id) {
			nodes = append(nodes, id)
		}
	}
	slices.Sort(nodes)
	return nodes
}
