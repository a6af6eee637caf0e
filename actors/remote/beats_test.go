package remote

import (
	"errors"
	"testing"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

// A beat comes as it was sent, and is decoded when it is asked for. Only beats are left as they
// came.
func TestBeatsAreDecodedWhenAskedFor(t *testing.T) {
	answer := &raftpb.Message{Type: raftpb.MsgHeartbeatResp.Enum(), From: new(uint64(2)), To: new(uint64(1)), Term: new(uint64(3)), Context: []byte("round")}
	wire, err := proto.Marshal(answer)
	if err != nil {
		t.Fatal(err)
	}
	beat, encoded, other := heartbeat(5), Raft{Shard: 8, Message: answer, Wire: wire}, entries(9, 10)
	var b []byte
	for _, m := range []Raft{beat, encoded, other} {
		if b, err = appendRaft(b, m); err != nil {
			t.Fatal(err)
		}
	}
	out, err := parseRaft(nil, b)
	if err != nil || len(out) != 3 || out[0].Message != nil || out[1].Message != nil || out[2].Wire != nil {
		t.Fatalf("%+v, %v", out, err)
	}
	for i, want := range []Raft{beat, encoded, other} {
		if weight(out[i].Message) != weight(want.Message) {
			t.Errorf("message %d weighs %d where it is received and %d where it was sent", i, weight(out[i].Message), weight(want.Message))
		}
		if err := out[i].Decode(); err != nil || out[i].Shard != want.Shard || !proto.Equal(out[i].Message, want.Message) {
			t.Errorf("sent %v, got %v, %v", want, out[i], err)
		}
	}
}

// What only begins as a beat is not taken for one.
func TestWhatOnlyBeginsAsABeatIsRefused(t *testing.T) {
	begins := []byte{1 << 3, byte(raftpb.MsgHeartbeat)}
	for name, m := range map[string]*raftpb.Message{
		"another type":   {Type: raftpb.MsgApp.Enum()},
		"entries":        {Entries: entries(1, 10).Message.Entries},
		"a local sender": {From: new(uint64(raft.LocalAppendThread))},
		"a local target": {To: new(uint64(raft.LocalApplyThread))},
	} {
		rest, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		got := Raft{Wire: append(begins[:2:2], rest...)}
		if err := got.Decode(); !isBeat(got.Wire) || !errors.Is(err, errNotBeat) || got.Message != nil {
			t.Errorf("%s: %v, %v", name, got.Message, err)
		}
	}
	if got := (&Raft{Wire: append(begins[:2:2], 0xff)}); !errors.Is(got.Decode(), errFrame) {
		t.Error("what is malformed was decoded")
	}
}
