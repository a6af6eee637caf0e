package health

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// scene is a cluster of three with __meta and a topic of two partitions on all of them; the third
// partition of it is on node 3 alone.
type scene struct {
	Picture
	down    []metadata.NodeID
	leaders map[storage.ShardID]Leader
}

func stage(t *testing.T) *scene {
	t.Helper()
	m := metadata.NewMachine()
	apply := func(c metadata.Command) {
		t.Helper()
		data, err := c.Encode()
		if err != nil {
			t.Fatal(err)
		}
		r, err := m.Apply(m.Image().Index+1, 1, data)
		if err != nil || r.(metadata.Result).Err != nil {
			t.Fatal(err, r)
		}
	}
	apply(metadata.Command{FormCluster: &metadata.FormCluster{ClusterID: "c", Founders: map[metadata.NodeID]uint64{1: 1, 2: 2, 3: 3}}})
	for n := range metadata.NodeID(3) {
		apply(metadata.Command{RegisterNode: &metadata.RegisterNode{Node: metadata.Node{ID: n + 1, Incarnation: uint64(n) + 1}}})
	}
	apply(metadata.Command{CreateTopic: &metadata.CreateTopic{Name: "t", ID: metadata.TopicID{1}, Placement: [][]metadata.NodeID{{1, 2, 3}, {2, 3, 1}, {3}}}})
	s := &scene{leaders: map[storage.ShardID]Leader{}}
	s.Picture = Picture{
		Image: m.Image(), MetaLeader: 1,
		Alive:        func(n metadata.NodeID) bool { return !slices.Contains(s.down, n) },
		Leader:       func(shard storage.ShardID) Leader { return s.leaders[shard] },
		Reports:      map[metadata.NodeID]Report{1: {Node: 1}, 2: {Node: 2}, 3: {Node: 3}},
		TopicSetting: func(t *metadata.Topic, name string) string { return t.Configs[name] },
	}
	s.each(func(p *metadata.Partition) {
		l := Leader{Known: true, Node: p.Replicas[0].Node}
		for _, r := range p.Replicas {
			l.InSync = append(l.InSync, r.Node)
		}
		s.leaders[p.Shard] = l
	})
	return s
}

// kill takes a node down: it is in sync with nothing, and leads nothing; what has a majority is led
// by another.
func (s *scene) kill(n metadata.NodeID) {
	s.down = append(s.down, n)
	delete(s.Reports, n)
	s.each(func(p *metadata.Partition) {
		l := s.leaders[p.Shard]
		l.InSync = without(l.InSync, []metadata.NodeID{n})
		if len(l.InSync) <= p.Voters()/2 {
			l = Leader{}
		} else if l.Node == n {
			l.Node = l.InSync[0]
		}
		s.leaders[p.Shard] = l
	})
}

func (s *scene) problems() (all []string) {
	for _, p := range s.Assess().Problems {
		all = append(all, fmt.Sprintf("%s %d %s: %s", p.Kind, p.Node, p.Partition, p.Reason))
	}
	return all
}

func want(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestAHealthyCluster(t *testing.T) {
	s := stage(t)
	c := s.Assess()
	want(t, s.problems())
	if !c.Healthy || c.Partitions != (Partitions{Total: 4}) || c.MetaLeader != 1 || c.Features[metadata.ClusterVersion] != 1 {
		t.Errorf("%+v", c)
	}
	for i, n := range c.Nodes {
		replicas := []int{2, 2, 3}[i]
		if !n.Up || !n.Votes || n.Leaders != 1 || n.Prefers != 1 || n.Replicas != replicas || n.State != "active" {
			t.Errorf("node %+v, want 1 leader of %d replicas", n, replicas)
		}
	}
}

func TestWhatIsWrongIsNamed(t *testing.T) {
	s := stage(t)
	s.kill(3)
	want(t, s.problems(), "leaderless -1 t-2: of 1 voters only 0 are up, 1 are needed: node 3 (down)", "node-down 3 : this node cannot reach it",
		"under-replicated -1 __meta: not in sync: node 3 (down)", "under-replicated -1 t-0: not in sync: node 3 (down)", "under-replicated -1 t-1: not in sync: node 3 (down)")
	if c := s.Assess(); c.Healthy || c.Partitions.Leaderless != 1 || c.Partitions.UnderReplicated != 3 {
		t.Errorf("%+v", c.Partitions)
	}

	s = stage(t)
	delete(s.Reports, 2)
	shard := s.Image.Partition("t", 0).Shard
	s.Reports[1] = Report{
		Node: 1, Draining: true, Quarantined: []Quarantined{{shard, 7, "a byte flipped"}},
		Behind: []Behind{{Shard: metadata.MetaShard, Replica: 3, Node: 2, Entries: 12, MS: 9000, Learner: true}},
		Waits:  []Wait{{Shard: shard, Replica: 7, Phase: NoQuorum, MS: 6000, Detail: "nodes [2 3], which are down"}, {Phase: Syncing, MS: 7000}},
	}
	want(t, s.problems(), "quarantined 1 t-0: a byte flipped", "node-silent 2 : it is linked but did not report in time", "waiting 1 t-0: waiting for quorum: nodes [2 3], which are down",
		"waiting 1 : syncing", "lagging 2 __meta: 12 entries behind, not heard of, does not vote", "not-active 1 : it hands its leaderships over, in order to stop")
}

func TestWhatSomebodyWantsIsNotUnhealthy(t *testing.T) {
	s := stage(t)
	n := *s.Image.Nodes[2]
	n.State = metadata.Maintenance
	s.Image.Nodes[2] = &n
	want(t, s.problems(), "not-active 2 : it is maintenance")
	if !s.Assess().Healthy {
		t.Error("a node in maintenance makes a cluster unhealthy")
	}
}

// Who is a little behind, or not known to lead yet, is worth another look; not if anything else is
// wrong besides.
func TestWhatMayPass(t *testing.T) {
	passing := func(change func(*scene)) bool {
		s := stage(t)
		change(s)
		c := s.Assess()
		return c.Passing()
	}
	behind := func(s *scene) {
		shard := s.Image.Topics["t"].Partitions[0].Shard
		l := s.leaders[shard]
		l.InSync = l.InSync[:2]
		s.leaders[shard] = l
	}
	for what, c := range map[string]struct {
		change func(*scene)
		want   bool
	}{
		"nothing is wrong":              {func(*scene) {}, false},
		"a voter is behind":             {behind, true},
		"a partition has no leader":     {func(s *scene) { s.leaders[s.Image.Topics["t"].Partitions[1].Shard] = Leader{} }, true},
		"a voter is behind, and drains": {func(s *scene) { behind(s); s.Reports[3] = Report{Node: 3, Draining: true} }, true},
		"a node is down":                {func(s *scene) { s.kill(3) }, false},
		"a voter is behind for long":    {func(s *scene) { behind(s); s.Reports[1] = Report{Node: 1, Waits: []Wait{{MS: SlowAfter}}} }, false},
	} {
		if got := passing(c.change); got != c.want {
			t.Errorf("%s: %v, want %v", what, got, c.want)
		}
	}
}

func TestMayStop(t *testing.T) {
	s := stage(t)
	want(t, s.MayStop(1))
	want(t, s.MayStop(2))
	want(t, s.MayStop(3), "t-2: its only replica is there")
	want(t, s.MayStop(9), "there is no node 9 in the cluster")

	s.kill(3)
	want(t, s.MayStop(1),
		"__meta: 1 of 3 voters are in sync without it, 2 are needed; not in sync: node 3 (down)",
		"t-0: 1 of 3 voters are in sync without it, 2 are needed; not in sync: node 3 (down)",
		"t-1: 1 of 3 voters are in sync without it, 2 are needed; not in sync: node 3 (down)")
	want(t, s.MayStop(3), "t-2: it has no leader now, so nobody knows who is in sync")

	s = stage(t)
	s.Image.Topics["t"].Configs = map[string]string{"min.insync.replicas": "3"}
	want(t, s.MayStop(1), "t-0: 2 replicas are in sync without it and min.insync.replicas is 3: writes with acks=all would be refused",
		"t-1: 2 replicas are in sync without it and min.insync.replicas is 3: writes with acks=all would be refused")
}
