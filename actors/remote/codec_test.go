package remote

import (
	"bytes"
	"testing"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/remote"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"
)

func batched(b *remote.MessageBatch) *remote.RemoteMessage {
	return &remote.RemoteMessage{MessageType: &remote.RemoteMessage_MessageBatch{MessageBatch: b}}
}

// drawMessage is any message that protoactor may send, most of them batches of frames.
func drawMessage(t *rapid.T) *remote.RemoteMessage {
	names := rapid.SliceOfN(rapid.String(), 0, 3)
	b := &remote.MessageBatch{TypeNames: names.Draw(t, "types"), Targets: names.Draw(t, "targets")}
	for range rapid.IntRange(0, 5).Draw(t, "envelopes") {
		e := &remote.MessageEnvelope{TypeId: rapid.Int32().Draw(t, "type"), Target: rapid.Int32Range(0, 1000).Draw(t, "target")}
		e.MessageData = bytes.Repeat([]byte{7}, rapid.SampledFrom([]int{0, 1, smallData, smallData + 1, 70_000}).Draw(t, "data"))
		if rapid.IntRange(0, 9).Draw(t, "header") == 0 {
			e.MessageHeader = &remote.MessageHeader{HeaderData: map[string]string{"a": "b"}}
		}
		b.Envelopes = append(b.Envelopes, e)
	}
	switch rapid.IntRange(0, 9).Draw(t, "other") {
	case 0:
		return &remote.RemoteMessage{MessageType: &remote.RemoteMessage_ConnectRequest{ConnectRequest: &remote.ConnectRequest{}}}
	case 1:
		b.Senders = append(b.Senders, actor.NewPID("host", "id"))
	}
	return batched(b)
}

// cut makes of bytes what arrives of them: several buffers.
func cut(t *rapid.T, b []byte) (all mem.BufferSlice) {
	for len(b) > 0 {
		n := rapid.IntRange(1, len(b)).Draw(t, "piece")
		all = append(all, mem.SliceBuffer(b[:n]))
		b = b[n:]
	}
	return all
}

// What the codec writes protobuf reads, and the other way round: nodes with and without it
// understand one another.
func TestTheCodecIsProtobuf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawMessage(t)
		want, err := proto.Marshal(m)
		if err != nil {
			t.Skip(err) // not UTF-8
		}
		written, err := theCodec.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		read := &remote.RemoteMessage{}
		if err := proto.Unmarshal(written.Materialize(), read); err != nil || !proto.Equal(read, m) {
			t.Fatalf("protobuf reads %v of %v, %v", read, m, err)
		}
		again := &remote.RemoteMessage{}
		if err := theCodec.Unmarshal(cut(t, want), again); err != nil || !proto.Equal(again, m) {
			t.Fatalf("the codec reads %v of %v, %v", again, m, err)
		}
	})
}

// agree holds the codec against protobuf over any bytes: what protobuf refuses the codec may read,
// if it only is laxer about text; never the other way round.
func agree(t interface{ Fatalf(string, ...any) }, b []byte) {
	want, got := &remote.RemoteMessage{}, &remote.RemoteMessage{}
	failed, err := proto.Unmarshal(b, want), theCodec.Unmarshal(mem.BufferSlice{mem.SliceBuffer(b)}, got)
	if err != nil && failed == nil {
		t.Fatalf("protobuf reads %v, the codec fails: %v", want, err)
	}
	if err == nil && failed == nil && !proto.Equal(got, want) {
		t.Fatalf("protobuf reads %v, the codec %v", want, got)
	}
}

func TestTheCodecReadsMalformedBytesLikeProtobuf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, err := proto.Marshal(drawMessage(t))
		if err != nil || len(b) == 0 {
			t.Skip()
		}
		for range rapid.IntRange(1, 3).Draw(t, "flips") {
			b[rapid.IntRange(0, min(len(b), 64)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "byte")
		}
		agree(t, b[:rapid.IntRange(0, len(b)).Draw(t, "length")])
	})
}

func FuzzTheCodec(f *testing.F) {
	for _, m := range []*remote.RemoteMessage{batched(batchOf("type", "target", []byte("data"))), batched(&remote.MessageBatch{})} {
		b, _ := proto.Marshal(m)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) { agree(t, b) })
}

// A frame is not copied to be sent, and once to be received.
func TestFramesAreSentFromWhereTheyAre(t *testing.T) {
	frame := make([]byte, 1<<20)
	m := batched(batchOf(messageName, linkName, frame))
	sent, err := theCodec.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if last := sent[len(sent)-1].ReadOnlyData(); &last[0] != &frame[0] {
		t.Error("the frame was copied")
	}
	if n := testing.AllocsPerRun(10, func() { theCodec.Marshal(m) }); n > 10 {
		t.Errorf("%v allocations to send a frame", n)
	}
	var received int64
	result := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			theCodec.Unmarshal(sent, &remote.RemoteMessage{})
		}
	})
	if received = result.AllocedBytesPerOp(); received > 1<<20+64<<10 {
		t.Errorf("%d bytes of memory to receive a frame of 1 MiB", received)
	}
}
