package remote

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// probe is a receiver that hands everything to channels.
type probe struct {
	raft        chan Raft
	linked      chan bool
	unreachable chan storage.ReplicaID
	told        chan string
}

func newProbe() *probe {
	return &probe{make(chan Raft, 100), make(chan bool, 100), make(chan storage.ReplicaID, 100), make(chan string, 100)}
}

func (p *probe) Raft(_ metadata.NodeID, messages []Raft) {
	for _, m := range messages {
		p.raft <- m
	}
}

func (p *probe) Ask(_ metadata.NodeID, kind string, body []byte, reply func([]byte, error)) {
	switch kind {
	case "echo":
		reply(body, nil)
	case "refuse":
		reply(nil, errors.New("not here"))
	}
}
func (p *probe) Told(_ metadata.NodeID, kind string, body []byte) {
	p.told <- kind + " " + string(body)
}
func (p *probe) Linked(_ metadata.NodeID, up bool)                   { p.linked <- up }
func (p *probe) Unreachable(_ storage.ShardID, to storage.ReplicaID) { p.unreachable <- to }

// receive takes a value that must come soon.
func receive[T comparable](t *testing.T, from chan T, want T) {
	t.Helper()
	select {
	case got := <-from:
		if got != want {
			t.Fatalf("got %v, want %v", got, want)
		}
	case <-time.After(5 * time.Second):
		t.Fatalf("%v did not come", want)
	}
}

func heartbeat(commit uint64) Raft {
	return Raft{Shard: 7, Message: &raftpb.Message{Type: raftpb.MsgHeartbeat.Enum(), From: new(uint64(1)), To: new(uint64(2)), Commit: new(commit)}}
}

func TestNetwork(t *testing.T) {
	network := NewNetwork()
	a, b := network.Links(1), network.Links(2)
	pa, pb := newProbe(), newProbe()
	start := func(l Links, p *probe, peer metadata.NodeID) {
		t.Helper()
		if err := l.Start(p); err != nil {
			t.Fatal(err)
		}
		l.SetPeer(peer, Address{})
	}
	start(a, pa, 2)
	a.Send(2, heartbeat(1))
	receive(t, pa.unreachable, 2)
	start(b, pb, 1)
	receive(t, pa.linked, true)
	receive(t, pb.linked, true)

	a.Tell(2, "news", []byte("of a"))
	receive(t, pb.told, "news of a")
	if !b.Carry(1, "load", []byte("of b")) || b.Carry(3, "load", nil) {
		t.Error("carried to whom it could not be, or not to whom it could")
	}
	receive(t, pa.told, "load of b")
	for n := range uint64(50) {
		a.Send(2, heartbeat(n))
	}
	for n := range uint64(50) {
		got := <-pb.raft
		if err := got.Decode(); err != nil || got.Message.GetCommit() != n || got.Shard != 7 {
			t.Fatalf("got %v, want %d", got, n)
		}
	}

	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if got, err := a.Ask(ctx, 2, "echo", []byte("x")); err != nil || string(got) != "x" {
		t.Fatalf("%q, %v", got, err)
	}
	var refused *RemoteError
	if _, err := a.Ask(ctx, 2, "refuse", nil); !errors.As(err, &refused) || refused.Text != "not here" {
		t.Fatal(err)
	}

	network.Cut(2, 1)
	receive(t, pa.linked, false)
	receive(t, pb.linked, false)
	if _, err := a.Ask(ctx, 2, "echo", nil); err == nil {
		t.Fatal("a question went over a cut link")
	}
	network.Rejoin(1)
	receive(t, pa.linked, true)
	receive(t, pb.linked, true)

	b.Stop()
	receive(t, pa.linked, false)
	b, pb = network.Links(2), newProbe()
	start(b, pb, 1)
	receive(t, pa.linked, true)
	b.Stop()
	a.Stop()
}

func TestAQuestionFailsWithItsLink(t *testing.T) {
	network := NewNetwork()
	a, b := network.Links(1), network.Links(2)
	pa, pb := newProbe(), newProbe()
	for _, err := range []error{a.Start(pa), b.Start(pb)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	defer a.Stop()
	defer b.Stop()
	a.SetPeer(2, Address{})
	receive(t, pa.linked, true)
	failed := make(chan bool)
	go func() {
		_, err := a.Ask(t.Context(), 2, "nothing", nil)
		failed <- err != nil
	}()
	network.Isolate(2)
	receive(t, failed, true)
}
