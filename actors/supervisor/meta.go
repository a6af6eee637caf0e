package supervisor

import (
	"slices"

	"github.com/troupe-mq/troupe/raft/metadata"
)

// PlanMeta returns the change of __meta's replicas that gives it as many voters as it shall have,
// on nodes that stay, in different racks if there is a choice; false if nothing is to be done, or a
// change is under way. Voters stay where they are while they can, even if their nodes are down.
func PlanMeta(image *metadata.Image, usable func(metadata.NodeID) bool) (Move, bool) {
	return planMeta(image, usable, nil)
}

// planMeta is PlanMeta when some nodes have been down for long: a change that waits for one of them
// is made another.
func planMeta(image *metadata.Image, usable func(metadata.NodeID) bool, gone map[metadata.NodeID]bool) (Move, bool) {
	meta := image.Meta
	hopeless := func(r metadata.Replica) bool {
		return r.Pending && r.Role == metadata.Voter && (gone[r.Node] || image.MayPlace(r.Node) != nil || image.Lost(r))
	}
	if meta == nil || meta.Moving() && !slices.ContainsFunc(meta.Replicas, hopeless) && elects(image, gone, votersOf(meta)) {
		return Move{}, false
	}
	voters := chooseVoters(image, metadata.MetaVoters(homes(image)), usable, hopeless)
	if !elects(image, gone, voters) {
		return Move{}, false // raft would not enter such a configuration
	}
	return metaMove(image, voters, hopeless)
}

// metaMove is the change that makes these the voters of __meta; false if they are, or a founder has
// not registered.
func metaMove(image *metadata.Image, voters []metadata.NodeID, hopeless func(metadata.Replica) bool) (Move, bool) {
	c := withVoters(image, voters)
	m := Move{Topic: "__meta", Shard: c.Shard, Seen: c.Seen, Targets: c.Targets}
	changed := false
	for _, r := range image.Meta.Replicas {
		switch {
		case image.Nodes[r.Node] == nil:
			return Move{}, false
		case r.Role == metadata.Voter && !image.Nodes[r.Node].Home():
			m.Why = Drain
		case hopeless(r):
			m.Why = Redirect
		}
		changed = changed || slices.Contains(voters, r.Node) != (r.Role == metadata.Voter)
	}
	return m, changed
}

func votersOf(p *metadata.Partition) (nodes []metadata.NodeID) {
	for _, r := range p.Replicas {
		if r.Role == metadata.Voter {
			nodes = append(nodes, r.Node)
		}
	}
	return nodes
}

// elects reports whether a majority of these voters of __meta can be reckoned with: their disks are
// not lost, nor are they down for long.
func elects(image *metadata.Image, gone map[metadata.NodeID]bool, voters []metadata.NodeID) bool {
	up := 0
	for _, r := range image.Meta.Replicas {
		if slices.Contains(voters, r.Node) && !gone[r.Node] && !image.Lost(r) {
			up++
		}
	}
	return up > len(voters)/2
}

// chooseVoters returns n nodes to vote, or as many as there are: first those that do, then those in
// racks without a voter. Those that are hopeless, because they wait to vote and cannot come, are
// taken only if there is nobody else.
func chooseVoters(image *metadata.Image, n int, usable func(metadata.NodeID) bool, hopeless func(metadata.Replica) bool) (voters []metadata.NodeID) {
	works := func(r metadata.Replica) bool { return usable(r.Node) && !image.Lost(r) }
	var others []metadata.NodeID
	for _, r := range image.Meta.Replicas {
		switch {
		case image.MayPlace(r.Node) != nil:
		case r.Role == metadata.Voter && !hopeless(r) && len(voters) < n:
			voters = append(voters, r.Node)
		case r.Role == metadata.Reader && works(r):
			others = append(others, r.Node)
		}
	}
	return keepVoters(image, spread(image, voters, others, n), n, works, hopeless)
}

// keepVoters adds those that are there rather than leave fewer voters than there could be: nodes
// that are emptied and vote, or were to stop and have not yet, those that are up first, and at last
// those that cannot come.
func keepVoters(image *metadata.Image, voters []metadata.NodeID, n int, works, hopeless func(metadata.Replica) bool) []metadata.NodeID {
	votes := func(r metadata.Replica) bool { return r.Role == metadata.Voter && !hopeless(r) }
	leaving := func(r metadata.Replica) bool {
		return works(r) && (votes(r) || r.Role == metadata.Reader && r.Pending)
	}
	for _, kept := range []func(metadata.Replica) bool{leaving, votes, hopeless} {
		for _, r := range image.Meta.Replicas {
			if image.Nodes[r.Node] != nil && len(voters) < n && kept(r) && !slices.Contains(voters, r.Node) {
				voters = append(voters, r.Node)
			}
		}
	}
	return voters
}

// spread adds others to the voters until there are n, each time one of the rack that has the
// fewest.
func spread(image *metadata.Image, voters, others []metadata.NodeID, n int) []metadata.NodeID {
	racks := make(map[string]int)
	for _, v := range voters {
		racks[image.Nodes[v].Rack]++
	}
	for len(voters) < n && len(others) > 0 {
		best := 0
		for i, o := range others {
			if racks[image.Nodes[o].Rack] < racks[image.Nodes[others[best]].Rack] {
				best = i
			}
		}
		racks[image.Nodes[others[best]].Rack]++
		voters = append(voters, others[best])
		others = slices.Delete(others, best, best+1)
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
