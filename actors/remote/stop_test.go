//go:build !race

// protoactor starts two remotes in one process with a race over the log of gRPC.

package remote

import (
	"log/slog"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// nobody receives nothing.
type nobody struct{}

func (nobody) Raft(metadata.NodeID, []Raft) {}
func (nobody) Ask(_ metadata.NodeID, _ string, _ []byte, reply func([]byte, error)) {
	reply(nil, nil)
}
func (nobody) Told(metadata.NodeID, string, []byte)           {}
func (nobody) Linked(metadata.NodeID, bool)                   {}
func (nobody) Unreachable(storage.ShardID, storage.ReplicaID) {}

// Links that stop end the connections that they have, those that peers have to them, and those that
// they are still trying to make.
func TestStopEndsConnections(t *testing.T) {
	running := goleak.IgnoreCurrent()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	absent := Address{gone.Addr().String(), gone.Addr().String()}
	gone.Close()
	var both [2]*Remotes
	for i := range both {
		r, err := New(Options{Self: metadata.NodeID(i), Listen: Address{"127.0.0.1:0", "127.0.0.1:0"}, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Start(nobody{}); err != nil {
			t.Fatal(err)
		}
		r.SetPeer(7, absent)
		both[i] = r
	}
	for i, r := range both {
		_, at := both[1-i].Addresses()
		r.SetPeer(metadata.NodeID(1-i), at)
	}
	for deadline := time.Now().Add(time.Minute); !both[0].Up(1) || !both[1].Up(0); <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("they are not linked")
		}
	}
	for _, r := range both {
		r.Stop()
	}
	err = goleak.Find(running)
	for deadline := time.Now().Add(20 * time.Second); err != nil && time.Now().Before(deadline); {
		err = goleak.Find(running)
	}
	if err != nil {
		t.Error(err)
	}
}

// Links that could not all be bound give back what was.
func TestAFailedStartGivesBack(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	running := goleak.IgnoreCurrent()
	r, err := New(Options{Self: 1, Listen: Address{"127.0.0.1:0", taken.Addr().String()}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Start(nobody{}); err == nil {
		t.Error("it started")
	}
	r.Stop()
	if err := goleak.Find(running); err != nil {
		t.Error(err)
	}
}
