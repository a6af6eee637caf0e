package remote

import (
	"context"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/remote"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/troupe-mq/troupe/raft/metadata"
)

// Whatever a stranger sends, the node lives and its links work.
func TestAStrangerHarmsNobody(t *testing.T) {
	a, b := pair(t, 0)
	for _, address := range []string{b.address.Control, b.address.Bulk} {
		conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		harass(t, remote.NewRemotingClient(conn))
	}
	if got := a.do("ask 2 echo 100 2000"); got != "ok" {
		t.Errorf("after all that: %s", got)
	}
	sendAll(t, a, b, 10, mebi)
	sendAll(t, b, a, 10, mebi)
}

func harass(t *testing.T, c remote.RemotingClient) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := c.ListProcesses(ctx, &remote.ListProcessesRequest{}); status.Code(err) != codes.Unimplemented {
		t.Errorf("a call that panics in protoactor: %v", err)
	}
	s, err := c.Receive(ctx)
	if err != nil {
		t.Fatal(err)
	}
	pill, _ := proto.Marshal(&actor.PoisonPill{})
	bad := []*remote.MessageBatch{
		batchOf("actor.PoisonPill", linkName, pill),
		batchOf("actor.Stop", linkName, nil),
		batchOf("actor.PoisonPill", "activator", pill),
		batchOf("no.such.Type", linkName, nil),
		batchOf(messageName, linkName, nil),
		batchOf(messageName, linkName, []byte("garbage that is longer than the header of a frame")),
		batchOf(messageName, linkName, lying(1, 2, []byte{0, 0, 0, 0, 0, 0, 0, 7, 0xff, 0xff, 0xff, 0xff, 1})),
		batchOf(messageName, linkName, lying(1, 2, []byte{0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 1, 0xff})),
		batchOf(messageName, linkName, lying(99, 2, nil)),
		batchOf(messageName, linkName, lying(1, 99, nil)),
		{Envelopes: []*remote.MessageEnvelope{{TypeId: 9, Target: 9}, {TypeId: -1}, {Sender: 5}}},
	}
	for _, batch := range bad {
		err := s.Send(&remote.RemoteMessage{MessageType: &remote.RemoteMessage_MessageBatch{MessageBatch: batch}})
		if err != nil {
			t.Fatal(err)
		}
	}
	// The stream still works: the node answers a greeting behind all that.
	err = s.Send(&remote.RemoteMessage{MessageType: &remote.RemoteMessage_ConnectRequest{ConnectRequest: &remote.ConnectRequest{
		ConnectionType: &remote.ConnectRequest_ServerConnection{ServerConnection: &remote.ServerConnection{MemberId: "stranger"}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Recv(); err != nil {
		t.Error(err)
	}
}

func batchOf(typeName, target string, data []byte) *remote.MessageBatch {
	return &remote.MessageBatch{
		TypeNames: []string{typeName}, Targets: []string{target},
		Envelopes: []*remote.MessageEnvelope{{MessageData: data}},
	}
}

// lying returns a raft frame with a body of our choice.
func lying(from, to metadata.NodeID, body []byte) []byte {
	f := frame{kind: frameRaft, lane: bulk, from: from, to: to, incarnation: 1, session: 12345}
	return append(f.begin(0), body...)
}
