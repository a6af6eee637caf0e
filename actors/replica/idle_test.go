package replica

import (
	"bytes"
	"slices"
	"testing"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"github.com/troupe-mq/troupe/actors/journal"
	"github.com/troupe-mq/troupe/actors/remote"
	"github.com/troupe-mq/troupe/protocol/batch"
	"github.com/troupe-mq/troupe/raft"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
	"github.com/troupe-mq/troupe/storage/memory"
)

// trio are the three actors of a shard whose links a test holds.
type trio struct {
	t     testing.TB
	nodes []*trioNode
	deaf  metadata.NodeID // nothing reaches it
	now   int
}

// trioNode is the node of one of them.
type trioNode struct {
	trio    *trio
	id      metadata.NodeID
	store   *memory.Store
	ref     *Ref
	actor   *Actor
	mailbox []any
	turns   int
	sent    []sent
}

type sent struct {
	to metadata.NodeID
	m  *raftpb.Message
}

func (n *trioNode) Write(w journal.Write) {
	if err := n.store.Write([]storage.Append{w.Append}); err != nil {
		n.trio.t.Fatal(err)
	}
	w.Done()
}
func (n *trioNode) Send(to metadata.NodeID, m remote.Raft) {
	n.sent = append(n.sent, sent{to, m.Message})
}
func (n *trioNode) Pull(metadata.NodeID, *raft.Pull)                           {}
func (n *trioNode) Flush()                                                     {}
func (n *trioNode) Changed(*View)                                              {}
func (n *trioNode) Restored(storage.ShardID, storage.ReplicaID, uint64)        {}
func (n *trioNode) Quarantine(_ storage.ShardID, _ storage.ReplicaID, c error) { n.trio.t.Fatal(c) }

func newTrio(t testing.TB) *trio {
	w := &trio{t: t}
	ids := []storage.ReplicaID{1, 2, 3}
	members := Members{{Replica: 1, Node: 1}, {Replica: 2, Node: 2}, {Replica: 3, Node: 3}}
	for _, id := range ids {
		n := &trioNode{trio: w, id: metadata.NodeID(id), store: memory.New()}
		if err := n.store.Write([]storage.Append{raft.Found(256, id, ids, nil)}); err != nil {
			t.Fatal(err)
		}
		states, err := n.store.Replicas()
		if err != nil {
			t.Fatal(err)
		}
		n.ref, err = OpenPartition(Options{
			Shard: 256, Replica: id, Self: n.id, Members: members, Version: 1, State: states[0], Store: n.store, Node: n,
		}, func(a *Actor) (Mailbox, error) {
			n.actor = a
			return func(m any) { n.mailbox = append(n.mailbox, m) }, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		w.nodes = append(w.nodes, n)
	}
	return w
}

// run takes turns and carries messages until nothing is left.
func (w *trio) run() {
	for again := true; again; {
		again = false
		for _, n := range w.nodes {
			if all := n.mailbox; len(all) > 0 {
				n.mailbox, again = nil, true
				n.turns++
				n.actor.Turn(all)
			}
			all := n.sent
			n.sent = nil
			for _, s := range all {
				again = true
				w.carry(n.id, s)
			}
		}
	}
}

func (w *trio) carry(from metadata.NodeID, s sent) {
	if s.to == w.deaf || from == w.deaf {
		return
	}
	n := w.nodes[s.to-1]
	switch answer, ok := n.ref.Hear(&remote.Raft{Message: s.m}); {
	case !ok:
		n.ref.Send(&Step{From: from, Message: s.m})
	case answer.Message != nil:
		n.sent = append(n.sent, sent{answer.To, answer.Message})
	}
}

// pass has four ticks pass on every node, and all that comes of them happen.
func (w *trio) pass() {
	w.now++
	for _, n := range w.nodes {
		if n.ref.View().Leader == 0 {
			for range raft.HeartbeatTicks {
				n.ref.Send(&Tick{1})
				w.run()
			}
			continue
		}
		due, say := n.ref.Pass(raft.HeartbeatTicks)
		if due > 0 {
			n.ref.Send(&Tick{due})
		}
		for _, s := range say {
			n.sent = append(n.sent, sent{s.To, s.Message})
		}
	}
	w.run()
}

// settle lets time pass until a leader leads and nobody takes a turn any more.
func (w *trio) settle() {
	for range 100 {
		before := w.turns()
		if w.pass(); w.turns() == before && w.leader() != nil {
			return
		}
	}
	w.t.Fatal("the replicas do not become idle")
}

func (w *trio) turns() (all int) {
	for _, n := range w.nodes {
		all += n.turns
	}
	return all
}

func (w *trio) leader() *trioNode {
	for _, n := range w.nodes {
		if n.id != w.deaf && n.ref.View().Role == Leader {
			return n
		}
	}
	return nil
}

// Replicas of a shard in which nothing happens take no turns, however long, and stay what they are.
func TestIdleReplicasTakeNoTurns(t *testing.T) {
	w := newTrio(t)
	w.settle()
	turns, epoch := w.turns(), w.leader().ref.View().Epoch
	for range 1000 {
		w.pass()
	}
	if now := w.turns(); now != turns {
		t.Errorf("%d turns were taken in 1000 heartbeats", now-turns)
	}
	if v := w.leader().ref.View(); v.Epoch != epoch || len(v.InSync) != 3 {
		t.Errorf("afterwards the leader shows %+v", v)
	}
	// whatever was heard without a turn counts once there is one: nobody steps down or stands for
	// election
	for k := range 3 {
		w.leader().ref.Send(&Observe{Done: func(Standing) {}})
		w.run()
		for range k + 1 {
			w.pass()
		}
		if v := w.leader().ref.View(); v.Epoch != epoch || len(v.InSync) != 3 {
			t.Fatalf("after a turn the leader shows %+v", v)
		}
	}
}

// What is written to an idle shard is acknowledged as ever.
func TestAnIdleShardWakes(t *testing.T) {
	w := newTrio(t)
	for want := range int64(5) {
		w.settle()
		got := int64(-1)
		w.leader().ref.Append(&Records{Batches: batch.Build([]batch.Record{{Value: []byte("a")}}), Epoch: -1, Done: func(a Appended) {
			if a.Err != nil {
				t.Error(a.Err)
			}
			got = a.BaseOffset
		}})
		w.run()
		if got != want {
			t.Fatalf("the record is at %d, want %d", got, want)
		}
	}
}

// An idle shard notices that its leader is gone as soon as one in which something happens: within
// two election timeouts and a heartbeat or two.
func TestAnIdleShardMissesItsLeader(t *testing.T) {
	w := newTrio(t)
	w.settle()
	dead := w.leader()
	w.deaf = dead.id
	for n := 1; ; n++ {
		w.pass()
		if l := w.leader(); l != nil {
			if n < 3 {
				t.Errorf("a leader that was heard of %d heartbeats ago has a successor", n)
			}
			break
		}
		if n > 8 {
			t.Fatalf("%d heartbeats after the leader was cut off there is no other", n)
		}
	}
	for range 8 { // a leader that nobody answers any more gives up
		w.pass()
	}
	if v := dead.ref.View(); v.Role == Leader {
		t.Errorf("who was cut off still shows itself as %+v", v)
	}
	w.deaf = 0
	w.settle()
}

// An idle shard whose leader's node is known to be gone has another leader after a tick or two, not
// after the time of a silent one.
func TestAnIdleShardHearsThatItsLeaderIsGone(t *testing.T) {
	w := newTrio(t)
	w.settle()
	for range 3 {
		w.pass() // beats were heard that raft has not been told of
	}
	dead := w.leader()
	w.deaf = dead.id
	for _, n := range w.nodes {
		if n != dead {
			n.ref.Send(&Down{Node: dead.id})
			w.run() // the first asks for votes before the second has heard
		}
	}
	for n := 1; w.leader() == nil; n++ {
		if n > 3 {
			t.Fatalf("there is no leader %d ticks after the nodes heard that the old one is gone", n)
		}
		for _, n := range w.nodes {
			if n != dead {
				n.ref.Send(&Tick{1})
			}
		}
		w.run()
	}
}

// A follower that is gone is out of sync after the same time as ever, and the shard is not idle
// without it.
func TestAnIdleLeaderMissesAFollower(t *testing.T) {
	w := newTrio(t)
	w.settle()
	l := w.leader()
	w.deaf = l.id%3 + 1
	for n := 1; slices.Contains(l.ref.View().InSync, storage.ReplicaID(w.deaf)); n++ {
		if w.pass(); n > 5 {
			t.Fatalf("%d heartbeats after a follower was cut off it counts as in sync: %+v", n, l.ref.View())
		}
	}
	if due, _ := l.ref.Pass(raft.HeartbeatTicks); due == 0 {
		t.Error("the leader is idle without its follower")
	}
	w.deaf = 0
	w.settle()
	if v := w.leader().ref.View(); len(v.InSync) != 3 {
		t.Errorf("after it came back the leader shows %+v", v)
	}
}

// A beat that comes encoded is known by its bytes; one that is encoded otherwise, or is another, is
// left to be decoded.
func TestABeatIsKnownByItsBytes(t *testing.T) {
	w := newTrio(t)
	w.settle()
	for _, n := range w.nodes {
		i := n.ref.idle.Load()
		if i == nil || len(i.says) != len(i.beats) {
			t.Fatalf("node %d is not idle, or has not one thing to say at each beat", n.id)
		}
		for k := range i.beats {
			b := &i.beats[k]
			in, err := proto.Marshal(b.In)
			if err != nil {
				t.Fatal(err)
			}
			answer, ok := n.ref.Hear(&remote.Raft{Wire: in})
			if !ok || (answer.Message == nil) != i.leads {
				t.Errorf("node %d does not know %v, or answers it with %v", n.id, b.In, answer.Message)
			}
			if out, err := proto.Marshal(i.says[k].Message); err != nil || !bytes.Equal(out, i.says[k].Wire) {
				t.Errorf("%v is encoded as %x", i.says[k].Message, i.says[k].Wire)
			}
			another := proto.CloneOf(b.In)
			another.Term = new(b.In.GetTerm() + 1)
			if in, err = proto.Marshal(another); err != nil {
				t.Fatal(err)
			}
			if _, ok := n.ref.Hear(&remote.Raft{Wire: in}); ok {
				t.Errorf("node %d takes %v for a beat", n.id, another)
			}
		}
	}
}

// A replica has rested as long as it has had no turn.
func TestAReplicaRestsUntilItsNextTurn(t *testing.T) {
	w := newTrio(t)
	w.settle()
	for _, n := range w.nodes {
		n.ref.Rested()
		w.pass()
		if !n.ref.Rested() {
			t.Errorf("node %d has done nothing and has not rested", n.id)
		}
		n.ref.Send(&Tick{1})
		w.run()
		w.settle()
		if n.ref.Rested() || !n.ref.Idle() || !n.ref.Rested() {
			t.Errorf("node %d has had a turn and is idle again: it has rested since then only", n.id)
		}
	}
}
