package metadata

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/troupe-mq/troupe/storage"
)

// TestRandomCommands gives a machine random commands, most of them sensible, and holds after each
// what must hold of every image; what was seen of the shards is true to what a shard would do.
func TestRandomCommands(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		for range rapid.IntRange(1, 60).Draw(t, "commands") {
			w.step()
		}
	})
}

// world is a machine and what the shards' members are.
type world struct {
	t     *rapid.T
	m     *Machine
	index uint64
	logs  map[storage.ShardID]*Settled // members as of now
	// of every replica id ever given out: shard, node and incarnation
	owners map[storage.ReplicaID]string
	lives  map[NodeID]uint64 // the newest incarnation that was tried
	topics int
}

func newWorld(t *rapid.T) *world {
	w := &world{t: t, m: NewMachine(), logs: map[storage.ShardID]*Settled{}, owners: map[storage.ReplicaID]string{}, lives: map[NodeID]uint64{}}
	founders := map[NodeID]uint64{}
	for n := range NodeID(3) {
		w.lives[n], founders[n] = uint64(n)+1, uint64(n)+1
	}
	form := &FormCluster{ClusterID: "c", Founders: founders}
	if rapid.Bool().Draw(t, "newest level") {
		form.Levels = Newest()
	}
	w.apply(Command{FormCluster: form})
	for n := range NodeID(3) {
		w.apply(registerThisBuild(n, w.lives[n]))
	}
	return w
}

func (w *world) step() {
	i := w.m.Image()
	node := func() NodeID { return NodeID(rapid.IntRange(0, 6).Draw(w.t, "node")) }
	switch rapid.IntRange(0, 11).Draw(w.t, "what") {
	case 0:
		n := node()
		if rapid.IntRange(0, 3).Draw(w.t, "another disk") == 0 {
			w.lives[n] += 10
		}
		w.apply(registerThisBuild(n, max(w.lives[n], uint64(n)+1)))
	case 1:
		w.topics++
		w.apply(Command{CreateTopic: &CreateTopic{Name: fmt.Sprint("t", w.topics), ID: TopicID{byte(w.topics)}, Placement: [][]NodeID{w.some("placement")}}})
	case 2, 3, 4:
		targets := voters(w.some("targets")...)
		for at := range targets {
			targets[at].Role = Role(rapid.SampledFrom([]int{0, 0, 0, 1}).Draw(w.t, "role"))
		}
		w.apply(Command{AlterReplicas: &AlterReplicas{Shard: w.shard(), Targets: targets}})
	case 5, 6, 7:
		w.move()
	case 8:
		if p := i.Shard(w.shard()); p != nil && len(p.Replicas) > 0 {
			r := rapid.SampledFrom(p.Members()).Draw(w.t, "lost")
			w.apply(Command{ReplaceReplica: &ReplaceReplica{p.Shard, r.ID}})
		}
	case 9:
		w.apply(Command{DrainNode: &DrainNode{node(), rapid.Bool().Draw(w.t, "cancel")}})
	case 10:
		w.apply(Command{ReplaceNode: &ReplaceNode{Node: node()}})
	case 11:
		w.apply(Command{RemoveNode: &RemoveNode{node()}})
	}
}

func (w *world) some(label string) []NodeID {
	return rapid.SliceOfNDistinct(rapid.Map(rapid.IntRange(0, 6), func(n int) NodeID { return NodeID(n) }), 1, 4, rapid.ID).Draw(w.t, label)
}

func (w *world) shard() storage.ShardID {
	return FirstShard + storage.ShardID(rapid.IntRange(0, 4).Draw(w.t, "shard"))
}

// move has a shard come a step nearer to what it shall be, and maybe tells of it, now or of an
// earlier time.
func (w *world) move() {
	p := w.m.Image().Shard(w.shard())
	if p == nil {
		return
	}
	now := w.logs[p.Shard]
	before := *now
	next := Settled{Shard: p.Shard, Version: p.Version, Index: now.Index + 1}
	for _, r := range p.Replicas {
		if r.Role == Voter && (slices.Contains(now.Voters, r.ID) || slices.Contains(now.Learners, r.ID)) {
			next.Voters = append(next.Voters, r.ID)
		} else {
			next.Learners = append(next.Learners, r.ID)
		}
	}
	if len(next.Voters) == 0 {
		next.Voters = now.Voters
	}
	*now = next
	report := next
	if rapid.Bool().Draw(w.t, "late") {
		report = before
	}
	w.apply(Command{SettleMembers: &SettleMembers{[]Settled{report}}})
}

// apply gives the machine a command and holds what must hold of every command.
func (w *world) apply(c Command) {
	data, err := c.Encode()
	if err != nil {
		w.t.Fatal(err)
	}
	before, said := w.m.Image(), w.m.Snapshot()
	w.index++
	result, err := w.m.Apply(w.index, 1, data)
	if err != nil {
		w.t.Fatal(err)
	}
	after := w.m.Image()
	if old := (&Machine{image: before}).Snapshot(); !bytes.Equal(old, said) {
		w.t.Fatalf("%s changed an image that readers hold", data)
	}
	if r := result.(Result); r.Err != nil && !before.at(w.index).Same(after) {
		w.t.Fatalf("%s was refused (%v) and yet changed something", data, r.Err)
	}
	if c.CreateTopic != nil && result.(Result).Err == nil && after.checks() {
		for _, r := range after.Topics[c.CreateTopic.Name].Partitions[0].Replicas {
			if after.MayPlace(r.Node) != nil {
				w.t.Fatalf("%s placed a replica where none may be", data)
			}
		}
	}
	again := NewMachine()
	if err := again.Restore(w.m.Snapshot()); err != nil || !again.Image().Same(after) {
		w.t.Fatalf("after %s a snapshot restores another image (%v)", data, err)
	}
	w.holds(after, data)
}

// holds checks an image.
func (w *world) holds(i *Image, last []byte) {
	for _, t := range i.Topics {
		if want := i.local.settings(i, t); *t.settings != *want {
			w.t.Fatalf("after %s topic %s has the settings %+v, want %+v", last, t.Name, *t.settings, *want)
		}
		for _, p := range t.Partitions {
			w.partition(i, p, last)
		}
	}
	w.partition(i, i.Meta, last)
	for id, n := range i.Nodes {
		if _, ok := i.MetaOn(id, n.Incarnation); !ok && n.State != Replacing {
			w.t.Fatalf("after %s node %d has no replica of the metadata", last, id)
		}
		if i.IsGone(id, n.Incarnation) && n.State != Replacing && n.State != Draining {
			w.t.Fatalf("after %s node %d is %s with a disk that is gone", last, id, n.State)
		}
	}
}

func (w *world) partition(i *Image, p *Partition, last []byte) {
	if w.logs[p.Shard] == nil {
		w.logs[p.Shard] = &Settled{Shard: p.Shard, Index: 10, Voters: p.Founders}
	}
	taken := map[NodeID]bool{}
	votes := 0
	for _, r := range p.Replicas {
		if taken[r.Node] || r.Lost {
			w.t.Fatalf("after %s two replicas of %s are on one node, or one that is lost is to stay: %+v", last, p.Topic, p.Replicas)
		}
		taken[r.Node] = true
		if r.Role == Voter {
			votes++
		}
	}
	if votes == 0 {
		w.t.Fatalf("after %s nobody votes: %+v", last, p.Replicas)
	}
	seen := map[storage.ReplicaID]bool{}
	for _, r := range p.Members() {
		owner := fmt.Sprint(p.Shard, r.Node, r.Incarnation)
		if seen[r.ID] || w.owners[r.ID] != "" && w.owners[r.ID] != owner || r.ID >= i.NextReplica && p.Shard != MetaShard {
			w.t.Fatalf("after %s replica id %d is used twice: %+v", last, r.ID, p.Members())
		}
		seen[r.ID], w.owners[r.ID] = true, owner
	}
	if p.Moving() || !w.logs[p.Shard].is(p) {
		return
	}
	for _, r := range p.Replicas {
		if !slices.Contains(w.logs[p.Shard].Voters, r.ID) && !slices.Contains(w.logs[p.Shard].Learners, r.ID) {
			w.t.Fatalf("after %s replica %d counts as settled, and is no member", last, r.ID)
		}
	}
}

// is reports whether the members are those of the partition's version.
func (s *Settled) is(p *Partition) bool { return s.Version == p.Version && s.Index == p.Settled }
