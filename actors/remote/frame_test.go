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
		out, err := parseRaft(nil, b)
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

// An entry that is most of its frame stays in it; a smaller one must not keep the frame alive.
func TestSmallEntriesDoNotKeepTheirFrame(t *testing.T) {
	want := entries(1, 100_000, 10, 40_000)
	b, _ := appendRaft(nil, want)
	out, err := parseRaft(nil, b)
	if err != nil {
		t.Fatal(err)
	}
	clear(b)
	got := out[0].Message.Entries
	if !proto.Equal(got[1], want.Message.Entries[1]) || !proto.Equal(got[2], want.Message.Entries[2]) {
		t.Error("a small entry changed with its frame")
	}
	if !bytes.Equal(got[0].Data, make([]byte, 100_000)) {
		t.Error("an entry that is most of its frame was copied")
	}
	if cap(got[0].Data) != len(got[0].Data) {
		t.Error("who appends to an entry writes into its frame")
	}
}

// What is read by hand is what protobuf reads, whatever comes.
func FuzzParseMessage(f *testing.F) {
	for _, r := range []Raft{entries(1, 10, 20_000), entries(3), heartbeat(9), {Message: &raftpb.Message{
		Type: raftpb.MsgSnap.Enum(), Snapshot: &raftpb.Snapshot{Data: []byte("snapshot"), Metadata: &raftpb.SnapshotMetadata{Index: new(uint64(3))}}, Context: []byte("context"),
		Entries: []*raftpb.Entry{{Type: raftpb.EntryConfChangeV2.Enum(), Term: new(uint64(1)), Index: new(uint64(2)), Data: []byte{}}, {}},
	}}} {
		b, _ := proto.Marshal(r.Message)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) { readAlike(t, b) })
}

// readAlike holds what is read by hand against what protobuf reads.
func readAlike(t interface{ Fatalf(string, ...any) }, b []byte) {
	want := &raftpb.Message{}
	failed := proto.Unmarshal(b, want)
	got, err := parseMessage(b, len(b))
	if (err != nil) != (failed != nil) {
		t.Fatalf("by hand %v, by protobuf %v", err, failed)
	}
	if err == nil && !proto.Equal(got, want) {
		t.Fatalf("by hand %v, by protobuf %v", got, want)
	}
}

func TestMalformedMessagesAreReadLikeProtobufDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, err := proto.Marshal(entries(rapid.Uint64().Draw(t, "index"), rapid.SliceOfN(rapid.IntRange(0, 40), 0, 3).Draw(t, "sizes")...).Message)
		if err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(0, 3).Draw(t, "flips") {
			b[rapid.IntRange(0, len(b)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "byte")
		}
		readAlike(t, b[:rapid.IntRange(0, len(b)).Draw(t, "length")])
	})
}

// Only a node itself may send these to itself: from a peer they could claim that something is
// durable.
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
	if out, err := parseRaft(nil, b); err != nil || len(out) != 0 {
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
		if _, err := parseRaft(nil, got.body); err != nil && !errors.Is(err, errFrame) {
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
				if _, err := parseRaft(nil, buffer); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
