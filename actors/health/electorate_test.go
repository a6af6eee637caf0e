package health

import (
	"testing"

	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// moving is a cluster of five in which a topic of one partition has voters that leave: it goes from
// five replicas to three.
func moving() Picture {
	p := &metadata.Partition{Topic: "t", Shard: 300}
	for n := range int32(5) {
		r := metadata.Replica{ID: storage.ReplicaID(n + 1), Node: n + 1}
		if n < 3 {
			p.Replicas = append(p.Replicas, r)
		} else {
			p.Leaving = append(p.Leaving, r)
		}
	}
	image := *metadata.NewMachine().Image()
	image.ClusterID, image.Nodes = "c", map[metadata.NodeID]*metadata.Node{}
	for n := range int32(5) {
		image.Nodes[n+1] = &metadata.Node{ID: n + 1}
	}
	image.Topics = map[string]*metadata.Topic{"t": {Name: "t", Partitions: []*metadata.Partition{p}}}
	image.Shards = map[storage.ShardID]metadata.ShardRef{300: {Topic: "t"}}
	return Picture{
		Image: &image, Alive: func(n metadata.NodeID) bool { return n <= 3 },
		Leader:       func(storage.ShardID) Leader { return Leader{Known: true, Node: 1, InSync: []metadata.NodeID{1, 2, 3}} },
		TopicSetting: func(*metadata.Topic, string) string { return "1" },
	}
}

// Who votes now decides whether a node may be stopped, not who shall: three in sync are all that
// five voters need, and the leader's word of the members counts before what the metadata knows.
func TestMayStopWhileMembersChange(t *testing.T) {
	p := moving()
	want(t, p.MayStop(1), "t-0: 2 of 5 voters are in sync without it, 3 are needed; not in sync: node 4 (down), node 5 (down)")

	told := func(sets ...[]metadata.NodeID) {
		p.Reports = map[metadata.NodeID]Report{1: {Node: 1, Members: []Members{{Shard: 300, Sets: sets}}}}
	}
	told([]metadata.NodeID{1, 2, 3}) // they have left, and the metadata has not heard of it
	want(t, p.MayStop(1))
	want(t, p.MayStop(4))
	told([]metadata.NodeID{1, 2, 3}, []metadata.NodeID{1, 2, 3, 4, 5}) // joint: both need a majority
	want(t, p.MayStop(2), "t-0: 2 of 5 voters are in sync without it, 3 are needed; not in sync: node 4 (down), node 5 (down)")
	told([]metadata.NodeID{1, 2, nobody})
	want(t, p.MayStop(2), "t-0: 1 of 3 voters are in sync without it, 2 are needed; not in sync: a replica that is lost")
}

// A node that is a member of nothing is not healthy, and says why.
func TestANodeOfNoCluster(t *testing.T) {
	c := Picture{Image: metadata.NewMachine().Image(), MetaLeader: -1}.Assess()
	if c.Healthy || c.Passing() || len(c.Problems) != 1 || c.Problems[0].Kind != Apart {
		t.Errorf("%+v", c)
	}
}

// What the loss of a disk costs is said before: partitions with their only replica there, and those
// that would have no majority.
func TestWhatTheLossOfADiskCosts(t *testing.T) {
	s := stage(t)
	want(t, Loses(s.Image, 1))
	want(t, Loses(s.Image, 3), "t-2: its only replica is there, what it holds is lost for good")
	two := *s.Image.Topics["t"]
	p := *two.Partitions[0]
	p.Replicas = p.Replicas[:2]
	two.Partitions = []*metadata.Partition{&p}
	s.Image.Topics = map[string]*metadata.Topic{"t": &two}
	want(t, Loses(s.Image, 2), "t-0: 1 of 2 voters are left, which is no majority: it stops until it is recovered (troupe cluster recover), and records may be lost")
	want(t, Loses(s.Image, 3))
}

// A partition with fewer replicas than it should have, and nodes that could take them, is told of;
// it is no fault.
func TestAPartitionThatIsFilledUp(t *testing.T) {
	s := stage(t)
	part := s.Image.Topics["t"].Partitions[2]
	thin := *part
	thin.Wanted = 3
	s.Image.Topics["t"].Partitions[2] = &thin
	want(t, s.problems(), "too-few-replicas -1 t-2: 1 of the 3 replicas that it should have; the others come by themselves")
	if !s.Assess().Healthy {
		t.Error("not healthy")
	}
}
