package supervisor

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// model is a cluster whose shards change their members as raft lets them: a leader needs a majority
// of the present voters, and a newcomer becomes a voter only while its node is up.
type model struct {
	house
	rt    *rapid.T
	core  *Supervisor
	confs map[storage.ShardID]*members
	disks map[metadata.NodeID]uint64 // incarnation that the node runs with
	// of which __meta refuses every change, for a reason the plan does not know
	poisoned map[storage.ShardID]bool
	slow     bool // shards do not change their members for now
	topics   int
}

// members are a shard's, outside of a joint configuration.
type members struct{ voters, learners []metadata.Replica }

// TestMovesEnd holds for random clusters of one to seven nodes, with deaths, decommissions,
// replaced disks, the operator's own moves and commands that are refused: nothing is placed where
// nothing may be, no move that cannot end keeps another from ending, and after all nodes are back
// every move ends, every decommissioned node is gone and nothing more is planned.
func TestMovesEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &model{house: house{t: t}, rt: t, confs: map[storage.ShardID]*members{}, disks: map[metadata.NodeID]uint64{}, poisoned: map[storage.ShardID]bool{}}
		m.build(nodes(rapid.IntRange(1, 7).Draw(t, "nodes"), rapid.SampledFrom([]int{0, 0, 3}).Draw(t, "racks")))
		for id, n := range m.image().Nodes {
			m.disks[id] = n.Incarnation
		}
		m.core = New(Limits{Moves: 2, PerNode: 1, Bytes: 1 << 30, Reordered: 2, Patience: 10})
		for range rapid.IntRange(1, 25).Draw(t, "events") {
			m.event()
			m.slow = rapid.IntRange(0, 3).Draw(t, "slow") == 0
			m.looks(rapid.IntRange(0, 12).Draw(t, "looks"))
		}
		m.slow = false
		m.looks(300)
		m.othersWentOn()
		m.heal()
		m.looks(600)
		m.atRest()
	})
}

// looks lets the supervisor look so many times, a second apart, and carries out what it says as its
// actor does.
func (m *model) looks(n int) {
	for range n {
		out := m.core.Look(Input{Image: m.image(), Usable: m.usable, Seconds: 1})
		for _, c := range out.Commands {
			m.core.Answered(c, m.give(c))
		}
		m.settleAll()
	}
}

// give gives __meta a command and holds that whatever is new is on a node that may have it.
func (m *model) give(c metadata.Command) error {
	if c.AlterReplicas != nil && m.poisoned[c.AlterReplicas.Shard] {
		return errors.New("no")
	}
	before := m.image().NextReplica
	if r := m.do(c); r.Err != nil {
		return r.Err
	}
	image := m.image()
	for p := range partitions(image) {
		for _, r := range p.Replicas {
			if refused := image.MayPlace(r.Node); r.ID >= before && refused != nil {
				m.rt.Fatalf("%+v placed %+v: %v", c, r, refused)
			}
		}
	}
	return nil
}

func (m *model) event() {
	image := m.image()
	ids := slices.Sorted(maps.Keys(image.Nodes))
	node := rapid.SampledFrom(ids).Draw(m.rt, "node")
	switch rapid.IntRange(0, 9).Draw(m.rt, "event") {
	case 0, 1:
		m.down[node] = true
	case 2:
		delete(m.down, node)
	case 3:
		_ = m.give(metadata.Command{DrainNode: &metadata.DrainNode{Node: node, Cancel: rapid.IntRange(0, 3).Draw(m.rt, "cancel") == 0}})
	case 4: // a disk is lost, of which every shard can do without
		if m.spare(node) && m.give(metadata.Command{ReplaceNode: &metadata.ReplaceNode{Node: node}}) == nil {
			m.down[node] = true
		}
	case 5:
		m.another(node)
	case 6:
		if next := metadata.NodeID(len(m.disks) + 1); next <= 7 {
			m.disks[next] = uint64(next)
			_ = m.give(metadata.Command{RegisterNode: &metadata.RegisterNode{Node: metadata.Node{ID: next, Incarnation: uint64(next)}}})
		}
	case 7, 8:
		m.operate()
	case 9:
		for p := range partitions(image) {
			m.poisoned[p.Shard] = rapid.IntRange(0, 7).Draw(m.rt, "poisoned") == 0
		}
	}
}

// another starts a node whose disk was lost with an empty one.
func (m *model) another(id metadata.NodeID) {
	if n := m.image().Nodes[id]; n != nil && n.State == metadata.Replacing {
		m.disks[id] += 100
		m.must(metadata.Command{RegisterNode: &metadata.RegisterNode{Node: metadata.Node{ID: id, Incarnation: m.disks[id], Rack: n.Rack}}})
		delete(m.down, id)
	}
}

// operate makes a topic or moves partitions, as an administrator does.
func (m *model) operate() {
	image := m.image()
	var homes []metadata.NodeID
	for id := range image.Nodes {
		if image.MayPlace(id) == nil {
			homes = append(homes, id)
		}
	}
	slices.Sort(homes)
	if len(homes) == 0 {
		return
	}
	some := func() []metadata.NodeID {
		return rapid.Permutation(homes).Draw(m.rt, "order")[:rapid.IntRange(1, min(4, len(homes))).Draw(m.rt, "replicas")]
	}
	if rapid.IntRange(0, 2).Draw(m.rt, "make") == 0 || len(image.Topics) == 0 {
		var placement [][]metadata.NodeID
		all := some()
		for range rapid.IntRange(1, 6).Draw(m.rt, "partitions") {
			placement = append(placement, all)
		}
		m.topics++
		c := &metadata.CreateTopic{Name: fmt.Sprint("m", m.topics), ID: metadata.TopicID{byte(m.topics), 7}, Placement: placement}
		c.Wanted = rapid.SampledFrom([]int{0, 0, 3, 5}).Draw(m.rt, "wanted")
		_ = m.give(metadata.Command{CreateTopic: c})
		return
	}
	nodes := some()
	for p := range partitions(image) {
		if rapid.Bool().Draw(m.rt, "this") {
			_ = m.give(metadata.Command{AlterReplicas: &metadata.AlterReplicas{Shard: p.Shard, Targets: p.Voting(nodes), Wanted: len(nodes)}})
		}
	}
}

// spare reports whether every shard has a majority that is up without a node, and a voter elsewhere
// that is no newcomer.
func (m *model) spare(id metadata.NodeID) bool {
	m.settleAll()
	for _, c := range m.confs {
		rest := 0
		for _, r := range c.voters {
			if r.Node != id && m.works(r) {
				rest++
			}
		}
		if rest <= len(c.voters)/2 {
			return false
		}
	}
	return true
}

// works reports whether a replica runs: its node is up, and has the disk that it was placed on.
func (m *model) works(r metadata.Replica) bool {
	return !m.down[r.Node] && m.disks[r.Node] == r.Incarnation && !m.image().Lost(r)
}

// settleAll has every shard come as near to what it shall be as it can now, and tells __meta.
func (m *model) settleAll() {
	image := m.image()
	all := slices.Collect(partitions(image))
	for _, p := range append(all, image.Meta) {
		c := m.confs[p.Shard]
		if c == nil {
			c = &members{}
			for _, r := range p.Members() {
				if slices.Contains(p.Founders, r.ID) && r.Role == metadata.Voter {
					c.voters = append(c.voters, r)
				}
			}
			m.confs[p.Shard] = c
		}
		if !m.slow {
			m.step(p, c)
		}
	}
}

// step is what a leader does with its members (raft/members.go), without the ticks between.
func (m *model) step(p *metadata.Partition, c *members) {
	if !m.majority(c.voters) {
		return
	}
	has := func(all []metadata.Replica, r metadata.Replica) bool {
		return slices.ContainsFunc(all, func(o metadata.Replica) bool { return o.ID == r.ID })
	}
	var want, promote, drop []metadata.Replica
	missing := 0
	for _, r := range p.Replicas {
		if r.Role != metadata.Voter {
			continue
		}
		want = append(want, r)
		switch {
		case has(c.voters, r):
		case m.works(r):
			promote = append(promote, r)
		default:
			missing++
		}
	}
	for _, r := range c.voters {
		if !has(want, r) {
			drop = append(drop, r)
		}
	}
	slices.SortStableFunc(drop, func(a, b metadata.Replica) int {
		if m.works(a) == m.works(b) {
			return 0
		} else if m.works(a) {
			return 1
		}
		return -1
	})
	if missing > 0 {
		drop = drop[:min(len(drop), max(0, len(c.voters)+len(promote)-len(want)))]
	}
	next := slices.DeleteFunc(append(slices.Clone(c.voters), promote...), func(r metadata.Replica) bool { return has(drop, r) })
	if m.majority(next) {
		c.voters = next
	}
	c.learners = nil
	for _, r := range p.Replicas {
		if !has(c.voters, r) {
			c.learners = append(c.learners, r)
		}
	}
	if s := (metadata.Settled{Shard: p.Shard, Version: p.Version, Index: p.Settled + 1, Voters: replicaIDs(c.voters), Learners: replicaIDs(c.learners)}); p.Settles(s.Voters, s.Learners) {
		m.must(metadata.Command{SettleMembers: &metadata.SettleMembers{Shards: []metadata.Settled{s}}})
	}
}

func replicaIDs(replicas []metadata.Replica) (ids []storage.ReplicaID) {
	for _, r := range replicas {
		ids = append(ids, r.ID)
	}
	return ids
}

func (m *model) majority(voters []metadata.Replica) bool {
	up := 0
	for _, r := range voters {
		if m.works(r) {
			up++
		}
	}
	return up > len(voters)/2
}

// othersWentOn holds that, while some nodes stay down, everything has ended that does not need one
// of them.
func (m *model) othersWentOn() {
	image := m.image()
	if !m.majority(m.confs[metadata.MetaShard].voters) {
		return // nothing could be changed
	}
	needs := func(p *metadata.Partition) bool { // one that is down or poisoned
		return m.poisoned[p.Shard] || !m.majority(m.confs[p.Shard].voters) ||
			slices.ContainsFunc(p.Members(), func(r metadata.Replica) bool { return !m.works(r) })
	}
	out := m.core.Look(Input{Image: image, Usable: m.usable, Seconds: 1})
	for p := range partitions(image) {
		if p.Moving() && !needs(p) {
			m.rt.Fatalf("%s-%d still moves though nothing keeps it from it: %+v", p.Topic, p.Index, p)
		}
	}
	m.elsewhere(out)
	for _, v := range out.Status.Planned {
		if p := image.Shard(v.Shard); !m.poisoned[v.Shard] && v.Why <= Fill && !needs(p) {
			m.rt.Fatalf("%+v waits, under way are %+v", v, out.Status.Moving)
		}
	}
}

// elsewhere holds that nothing waits for a node that has been down for long if another one could
// have been taken.
func (m *model) elsewhere(out Output) {
	image := m.image()
	free := func(p *metadata.Partition) (n int) { // nodes that could take one more
		for id := range image.Nodes {
			if image.MayPlace(id) == nil && m.usable(id) && !slices.ContainsFunc(p.Replicas, func(r metadata.Replica) bool { return r.Node == id && r.Role == metadata.Voter }) {
				n++
			}
		}
		return n
	}
	for p := range partitions(image) {
		for _, r := range p.Replicas {
			rebuilt := slices.ContainsFunc(p.Leaving, func(l metadata.Replica) bool { return l.Node == r.Node })
			if r.Pending && !r.Back && r.Role == metadata.Voter && m.down[r.Node] && !rebuilt && m.majority(m.confs[p.Shard].voters) && !m.poisoned[p.Shard] && free(p) > 0 {
				m.rt.Fatalf("%+v waits for node %d, which is down; under way are %+v", p, r.Node, out.Status.Moving)
			}
		}
	}
	for _, r := range image.Meta.Replicas {
		if r.Pending && r.Role == metadata.Voter && !m.works(r) && free(image.Meta) > 0 {
			m.rt.Fatalf("__meta waits for node %d: %+v", r.Node, image.Meta)
		}
	}
}

// heal brings all nodes up; one whose disk is lost is started with another one.
func (m *model) heal() {
	clear(m.poisoned)
	clear(m.down)
	for _, id := range slices.Sorted(maps.Keys(m.image().Nodes)) {
		m.another(id)
	}
}

// atRest holds that all that was begun has ended.
func (m *model) atRest() {
	image := m.image()
	out := m.core.Look(Input{Image: image, Usable: m.usable, Seconds: 1})
	if len(out.Status.Moving)+len(out.Status.Planned)+len(out.Commands) > 0 || image.Meta.Moving() {
		m.rt.Fatalf("no rest: moving %+v, planned %+v, commands %+v, __meta %+v", out.Status.Moving, out.Status.Planned, out.Commands, image.Meta)
	}
	for id, n := range image.Nodes {
		if n.State == metadata.Draining {
			m.rt.Fatalf("node %d is still being decommissioned", id)
		}
	}
	homes := 0
	for id := range image.Nodes {
		if image.MayPlace(id) == nil {
			homes++
		}
	}
	for p := range partitions(image) {
		if p.Voters() < min(p.Wanted, homes) {
			m.rt.Fatalf("%s-%d has %d voters, %d are wanted of %d nodes", p.Topic, p.Index, p.Voters(), p.Wanted, homes)
		}
	}
}
