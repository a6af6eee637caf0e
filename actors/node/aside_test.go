package node

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/troupe-mq/troupe/actors/health"
	"github.com/troupe-mq/troupe/actors/remote"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

func TestWhichStoresAreSetAside(t *testing.T) {
	held := storage.Node{NodeID: 3, Incarnation: 7, Founders: map[int32]uint64{1: 1, 2: 2, 3: 7}}
	three := map[metadata.NodeID]remote.Address{1: {}, 2: {}, 3: {}}
	for _, c := range []struct {
		name   string
		config Config
		u      storage.Unreadable
		keeps  string
	}{
		{"a founder", Config{ID: 3, Peers: three}, storage.Unreadable{Known: true, Held: held}, ""},
		{"a node that joined", Config{ID: 3, Join: []string{"a:1"}}, storage.Unreadable{Known: true, Held: held}, ""},
		{"whose it was is not known", Config{ID: 3, Peers: three}, storage.Unreadable{}, "cannot be told"},
		{"another node's", Config{ID: 2, Peers: three}, storage.Unreadable{Known: true, Held: held}, "belongs to node 3"},
		{"a cluster of one", Config{ID: 3}, storage.Unreadable{Known: true, Held: held}, "no other node"},
		{"a cluster of one that names itself", Config{ID: 3, Peers: map[metadata.NodeID]remote.Address{3: {}}}, storage.Unreadable{Known: true, Held: held}, "no other node"},
	} {
		if why := keeps(&c.config, &c.u); (why == "") != (c.keeps == "") || !strings.Contains(why, c.keeps) {
			t.Errorf("%s: %q, want %q", c.name, why, c.keeps)
		}
	}
}

func TestWhatADiskGaveUp(t *testing.T) {
	peers := map[int32]storage.Run{1: {Number: 4}}
	member := storage.Node{NodeID: 3, Incarnation: 7, Founders: map[int32]uint64{3: 7}, Run: storage.Run{Number: 9}, Peers: peers, ClusterID: "c"}
	once := givenUp(member, 8)
	if once.Incarnation != 8 || once.Gave != 7 || once.Founders != nil || once.Run.Number != 0 || once.Peers[1].Number != 4 || once.ClusterID != "" {
		t.Errorf("a member's: %+v", once)
	}
	if twice := givenUp(once, 9); twice.Incarnation != 9 || twice.Gave != 7 {
		t.Errorf("given up again before it was let in: %+v", twice)
	}
	once.Founders = member.Founders
	if later := givenUp(once, 9); later.Gave != 8 {
		t.Errorf("given up again afterwards: %+v", later)
	}
}

// TestADiskIsNeeded looks at five nodes with a topic of three replicas and one of a single one:
// which disks may give themselves up, by who leads and who is in sync.
func TestADiskIsNeeded(t *testing.T) {
	i := imageOf(t, [][]metadata.NodeID{{1, 2, 3}, {3, 4, 5}, {5}})
	t0, t1, t2 := i.Topics["t"].Partitions[0], i.Topics["t"].Partitions[1], i.Topics["t"].Partitions[2]
	expendableShards := func(without metadata.NodeID, inSync map[*metadata.Partition][]metadata.NodeID) (all []storage.ShardID) {
		for _, p := range []*metadata.Partition{i.Meta, t0, t1, t2} {
			if health.Spares([][]metadata.NodeID{health.Electorate(p)}, inSync[p], without) {
				all = append(all, p.Shard)
			}
		}
		return all
	}
	type in = map[*metadata.Partition][]metadata.NodeID
	for _, c := range []struct {
		name   string
		node   metadata.NodeID
		inSync in
		needed []string
	}{
		{"all others are well", 1, in{i.Meta: {2, 3, 4, 5}, t0: {2, 3}, t1: {3, 4, 5}, t2: {5}}, nil},
		{"two disks at once: nobody leads what both were of", 2, in{i.Meta: {1, 4, 5}, t1: {4, 5}, t2: {5}}, []string{"t-0"}},
		{"a word from before counts the node itself", 2, in{i.Meta: {1, 2, 3, 4, 5}, t0: {1, 2}, t1: {3, 4, 5}, t2: {5}}, []string{"t-0"}},
		{"what is nowhere else", 5, in{i.Meta: {1, 2, 3, 4}, t0: {1, 2, 3}, t1: {3, 4}}, []string{"t-2"}},
		{"the metadata have no majority", 1, in{t0: {2, 3}, t1: {3, 4, 5}, t2: {5}}, []string{"__meta"}},
	} {
		if got := missed(i, c.node, expendableShards(c.node, c.inSync)); !slices.Equal(got, c.needed) {
			t.Errorf("%s: %v, want %v", c.name, got, c.needed)
		}
	}
}

// imageOf is the image of five nodes and a topic.
func imageOf(t *testing.T, placement [][]metadata.NodeID) *metadata.Image {
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
	founders := map[metadata.NodeID]uint64{}
	for n := range metadata.NodeID(5) {
		founders[n+1] = uint64(n) + 1
	}
	apply(metadata.Command{FormCluster: &metadata.FormCluster{ClusterID: "c", Founders: founders}})
	for n, life := range founders {
		apply(metadata.Command{RegisterNode: &metadata.RegisterNode{Node: metadata.Node{ID: n, Incarnation: life}}})
	}
	apply(metadata.Command{CreateTopic: &metadata.CreateTopic{Name: "t", ID: metadata.TopicID{1}, Placement: placement}})
	return m.Image()
}

func TestEvidenceGoesWhenItIsNotWorthItsRoom(t *testing.T) {
	all := []storage.Evidence{{Dir: "1"}, {Dir: "2"}, {Dir: "3", Bytes: 100}}
	for _, c := range []struct {
		all             []storage.Evidence
		admitted, ample bool
		free            int64
		want            int
	}{
		{all, false, true, 1000, 0}, {all, false, false, 10, 0}, {all, true, true, 200, 2}, {all, true, true, 199, 3}, {all, true, false, 1000, 3}, {nil, true, false, 10, 0}, {all[2:], true, true, 200, 0},
	} {
		if got := expendable(c.all, c.admitted, c.ample, c.free); len(got) != c.want || fmt.Sprint(got) != fmt.Sprint(c.all[:c.want]) {
			t.Errorf("%+v: %v may go, want the first %d", c, got, c.want)
		}
	}
}
