package supervisor

import (
	"cmp"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// Readers chooses where the read-only replicas of a topic's partitions are to be, n of each, and
// returns for each partition that has to change for it all places of its replicas. Readers that are
// there stay as far as they are wanted; new ones go to racks that have no replica of the partition
// yet first, then to where fewest replicas are.
func Readers(image *metadata.Image, usable func(metadata.NodeID) bool, t *metadata.Topic, n int) ([]metadata.AlterReplicas, error) {
	if n < 0 {
		return nil, protocol.Errorf(kerr.InvalidReplicationFactor, "%d read replicas", n)
	}
	l := measure(image, usable)
	var changes []metadata.AlterReplicas
	for _, p := range t.Partitions {
		targets, same, err := l.readers(image, p, n)
		if err != nil {
			return nil, err
		}
		if same {
			continue
		}
		c := metadata.AlterReplicas{Shard: p.Shard, Targets: targets}
		for _, r := range p.Replicas {
			c.Seen = append(c.Seen, r.ID)
		}
		changes = append(changes, c)
	}
	return changes, nil
}

// readers returns the places of one partition's replicas with n readers among them, and whether
// they are those it has.
func (l *load) readers(image *metadata.Image, p *metadata.Partition, n int) (targets []metadata.Target, same bool, err error) {
	taken := make(map[metadata.NodeID]bool)
	racks := make(map[string]int)
	kept := 0
	same = true
	for _, r := range p.Replicas {
		if r.Role == metadata.Reader {
			if kept == n {
				same = false
				continue
			}
			kept++
		}
		targets = append(targets, metadata.Target{Node: r.Node, Role: r.Role})
		taken[r.Node] = true
		if node := image.Nodes[r.Node]; node != nil {
			racks[node.Rack]++
		}
	}
	for ; kept < n; kept++ {
		best := l.best(func(a, b *burden) int {
			return cmp.Or(preferUsable(a, b), cmp.Compare(racks[a.rack], racks[b.rack]), cmp.Compare(a.replicas, b.replicas), cmp.Compare(a.node, b.node))
		}, taken)
		if best == nil {
			return nil, false, protocol.Errorf(kerr.InvalidReplicationFactor, "%s-%d has %d replicas that vote and there are %d nodes: there is room for %d read replicas, not %d",
				p.Topic, p.Index, p.Voters(), len(l.nodes), len(l.nodes)-p.Voters(), n)
		}
		taken[best.node], same = true, false
		racks[best.rack]++
		best.replicas++
		targets = append(targets, metadata.Target{Node: best.node, Role: metadata.Reader})
	}
	return targets, same, nil
}
