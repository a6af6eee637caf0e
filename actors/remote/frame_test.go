package remote

import (
	"bytes"
	"errors"
	"testing"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/troupe-mq/troupe/storage"
)

func entries(index uint64, sizes ...int) Raft {
	m := &raftpb.Message{Type: raftpb.MsgApp.Enum(), From: new(uint64(4)), To: new(uint64(5)), Term: new(uint64(6)), Index: new(index - 1)}
	for i, size := range sizes {
		m.Entries = append(m.Entries, &raftpb.Entry{Index: new(index + uint64(i)), Data: bytes.Repeat([]byte{byte(i)}, size)})
	}
	return Raft{Shard: storage.ShardID(index), Message: m}
}

func TestRaftMessagesSurviveTheirFrame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b []byte
		var in []Raft
		for range rapid.IntRange(0, 20).Draw(t, "messages") {
			sizes := rapid.SliceOfN(rapid.IntRange(0, 3000), 0, 5).Draw(t, "sizes")
			in = append(in, entries(rapid.Uint64Range(1, 1<<60).Draw(t, "index"), sizes...))
			var err error
			if b, err = appendRaft(b, in[len(in)-1]); err != nil {
				t.Fatal(err)
			}
		}
		out, err := parseRaft(b)
		if err != nil || len(out) != len(in) {
			t.Fatalf("%d messages of %d, %v", len(out), len(in), err)
		}
		for i := range in {
			if out[i].Shard != in[i].Shard || !proto.Equal(out[i].Message, in[i].Message) {
				t.Fatalf("sent %v, got %v", in[i], out[i])
			}
		}
	})
}

func TestEntriesDoNotKeepTheirFrame(t *testing.T) {
	want := entries(1, 100_000, 10)
	b, _ := appendRaft(nil, want)
	out, err := parseRaft(b)
	if err != nil {
		t.Fatal(err)
	}
	clear(b)
	if !proto.Equal(out[0].Message, want.Message) {
		t.Error("an entry changed with its frame")
	}
}

// Only a node itself may send these to itself: from a peer they could claim that something is durable.
func TestLocalMessagesAreDropped(t *testing.T) {
	var b []byte
	for _, m := range []*raftpb.Message{
		{Type: raftpb.MsgStorageAppendResp.Enum(), From: new(uint64(raft.LocalAppendThread)), To: new(uint64(1))},
		{Type: raftpb.MsgAppResp.Enum(), From: new(uint64(raft.LocalApplyThread)), To: new(uint64(1))},
		{Type: raftpb.MsgAppResp.Enum(), From: new(uint64(1)), To: new(uint64(raft.LocalApplyThread))},
		{Type: raftpb.MsgHup.Enum(), From: new(uint64(1)), To: new(uint64(2))},
	} {
		b, _ = appendRaft(b, Raft{Shard: 1, Message: m})
	}
	if out, err := parseRaft(b); err != nil || len(out) != 0 {
		t.Fatalf("%v, %v", out, err)
	}
}

func TestAMessageIsItsFrame(t *testing.T) {
	f := frame{kind: frameRaft, lane: bulk, from: 1, to: 2, incarnation: 3, session: 4}
	sent := &message{append(f.begin(10), "body"...)}
	wire, err := proto.Marshal(sent)
	if err != nil || &wire[0] != &sent.frame[0] {
		t.Fatalf("the frame was copied, or %v", err)
	}
	got := theMessageType.New().Interface().(*message)
	if err := proto.Unmarshal(wire, got); err != nil || &got.frame[0] != &wire[0] {
		t.Fatalf("the frame was copied, or %v", err)
	}
	parsed, err := parseFrame(got.frame)
	if err != nil || string(parsed.body) != "body" {
		t.Fatalf("%+v, %v", parsed, err)
	}
	f.body = parsed.body
	if parsed.kind != f.kind || parsed.lane != f.lane || parsed.from != 1 || parsed.to != 2 || parsed.incarnation != 3 || parsed.session != 4 {
		t.Fatalf("sent %+v, got %+v", f, parsed)
	}
}

func FuzzParse(f *testing.F) {
	b, _ := appendRaft(nil, entries(1, 10, 20))
	head := frame{kind: frameRaft}
	f.Add(append(head.begin(0), b...))
	f.Add(append(head.begin(0), question{1, "kind", "host:1", []byte("x")}.appendTo(nil)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := parseFrame(b)
		if err != nil {
			return
		}
		if _, err := parseRaft(got.body); err != nil && !errors.Is(err, errFrame) {
			t.Error(err)
		}
		if q, err := parseQuestion(got.body); err == nil && !bytes.Equal(q.appendTo(nil), got.body) {
			t.Error("a question changed")
		}
		var a asks
		a.init()
		_ = a.answer(1, got.body)
		_ = credited(&peer{}, got)
	})
}

func BenchmarkPack(b *testing.B) {
	for name, m := range map[string]Raft{"heartbeat": heartbeat(1 << 30), "entry of 16 KiB": entries(1<<30, 16<<10)} {
		b.Run(name, func(b *testing.B) {
			buffer := make([]byte, 0, 1<<20)
			b.ReportAllocs()
			for b.Loop() {
				buffer, _ = appendRaft(buffer[:0], m)
			}
			b.ReportMetric(float64(len(buffer)), "B/message")
		})
		b.Run(name+", unpack", func(b *testing.B) {
			buffer, _ := appendRaft(nil, m)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := parseRaft(buffer); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
