package supervisor

import (
	"cmp"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// Place chooses nodes for the replicas of n new partitions: partition by partition, the preferred
// leader first. Leaders and replicas are spread evenly over what all topics together have, each
// partition over as many racks as there are; so are those that lead in the place of each node when
// it is gone, the second of each partition. Nodes that are not usable are taken only if there are
// too few others. It depends on nothing but its arguments.
func Place(image *metadata.Image, usable func(metadata.NodeID) bool, _ string, n, replicationFactor int) ([][]metadata.NodeID, error) {
	load := measure(image, usable)
	if replicationFactor < 1 || replicationFactor > len(load.nodes) {
		return nil, protocol.Errorf(kerr.InvalidReplicationFactor,
			"Unable to replicate the partition %d time(s): there are %d nodes in the cluster", replicationFactor, len(load.nodes))
	}
	if n < 1 {
		return nil, protocol.Errorf(kerr.InvalidPartitions, "Number of partitions was set to an invalid non-positive value.")
	}
	placement := make([][]metadata.NodeID, n)
	for i := range placement {
		placement[i] = load.partition(replicationFactor)
	}
	return placement, nil
}

// load is how much each node has, kept up to date as partitions are placed.
type load struct {
	nodes []*burden
	// partitions that the second is the next to lead when the first, the preferred leader, is gone
	heirs map[pair]int
	// partitions of which the second has a replica, and the first is the preferred leader
	follows map[pair]int
}

type pair struct{ first, second metadata.NodeID }

// burden is what one node has.
type burden struct {
	node     metadata.NodeID
	rack     string
	usable   bool
	replicas int
	leaders  int // partitions that prefer the node as leader
}

func measure(image *metadata.Image, usable func(metadata.NodeID) bool) *load {
	byNode := make(map[metadata.NodeID]*burden, len(image.Nodes))
	l := &load{heirs: make(map[pair]int), follows: make(map[pair]int)}
	for _, id := range slices.Sorted(maps.Keys(image.Nodes)) {
		if image.MayPlace(id) != nil {
			continue
		}
		b := &burden{node: id, rack: image.Nodes[id].Rack, usable: usable(id)}
		byNode[id] = b
		l.nodes = append(l.nodes, b)
	}
	for _, t := range image.Topics {
		for _, p := range t.Partitions {
			l.inherit(p.Nodes())
			for i, r := range p.Replicas {
				if b := byNode[r.Node]; b != nil {
					b.replicas++
					if i == 0 {
						b.leaders++
					}
				}
			}
		}
	}
	return l
}

// partition places one partition: the leader where fewest are, the others where fewest replicas
// are, in racks not taken yet first.
func (l *load) partition(replicas int) []metadata.NodeID {
	taken := make(map[metadata.NodeID]bool, replicas)
	racks := make(map[string]int)
	nodes := make([]*burden, 0, replicas)
	for i := range replicas {
		best := l.best(func(a, b *burden) int {
			order := preferUsable(a, b)
			if i == 0 {
				return cmp.Or(order, cmp.Compare(a.leaders, b.leaders), cmp.Compare(a.replicas, b.replicas), cmp.Compare(a.node, b.node))
			}
			return cmp.Or(order, cmp.Compare(racks[a.rack], racks[b.rack]), cmp.Compare(a.replicas, b.replicas),
				cmp.Compare(l.follows[pair{nodes[0].node, a.node}], l.follows[pair{nodes[0].node, b.node}]), cmp.Compare(a.leaders, b.leaders), cmp.Compare(a.node, b.node))
		}, taken)
		taken[best.node] = true
		racks[best.rack]++
		best.replicas++
		if i == 0 {
			best.leaders++
		}
		nodes = append(nodes, best)
	}
	return l.succeed(nodes)
}

// succeed puts the followers in order: the next to lead is one that follows the leader so least
// often. Else one node would take over all of another's partitions.
func (l *load) succeed(nodes []*burden) []metadata.NodeID {
	first := nodes[0].node
	slices.SortStableFunc(nodes[1:], func(a, b *burden) int {
		return cmp.Or(preferUsable(a, b), cmp.Compare(l.heirs[pair{first, a.node}], l.heirs[pair{first, b.node}]))
	})
	ids := make([]metadata.NodeID, len(nodes))
	for i, b := range nodes {
		ids[i] = b.node
	}
	l.inherit(ids)
	return ids
}

// inherit counts who follows whom in a partition.
func (l *load) inherit(nodes []metadata.NodeID) {
	for i, n := range nodes {
		if i == 1 {
			l.heirs[pair{nodes[0], n}]++
		}
		if i > 0 {
			l.follows[pair{nodes[0], n}]++
		}
	}
}

func preferUsable(a, b *burden) int {
	switch {
	case a.usable == b.usable:
		return 0
	case a.usable:
		return -1
	}
	return 1
}

func (l *load) best(compare func(a, b *burden) int, taken map[metadata.NodeID]bool) *burden {
	var best *burden
	for _, b := range l.nodes {
		if !taken[b.node] && (best == nil || compare(b, best) < 0) {
			best = b
		}
	}
	return best
}
