package remote

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/troupe-mq/troupe/actors/spans"
	"github.com/troupe-mq/troupe/raft/metadata"
)

func TestMarksFindTheirEntries(t *testing.T) {
	i := &inbound{}
	var body []byte
	in := []Raft{entries(10, 1, 1, 1), entries(20, 1)}
	trace := spans.Context{Trace: spans.TraceID{1}, Span: spans.SpanID{2}}
	// 99 is in no message
	in[0].Marks = []spans.Mark{{Index: 11, Context: trace}, {Index: 99, Context: trace}}
	for _, m := range in {
		body = appendMarks(body, m)
	}
	if err := i.noted(frame{from: 4, body: body}); err != nil {
		t.Fatal(err)
	}
	other := []Raft{entries(10, 1, 1, 1)}
	if i.mark(5, other); other[0].Marks != nil {
		t.Errorf("another peer's messages are marked: %v", other[0].Marks)
	}
	out := []Raft{entries(10, 1, 1, 1), entries(20, 1), entries(11, 1)}
	out[2].Shard = 12
	i.mark(4, out)
	if len(out[0].Marks) != 1 || out[0].Marks[0] != in[0].Marks[0] || out[0].Arrived == 0 {
		t.Errorf("marks %v, arrived %d, want entry 11", out[0].Marks, out[0].Arrived)
	}
	if out[1].Marks != nil || out[2].Marks != nil {
		t.Errorf("entries that nobody traces are marked: %v %v", out[1].Marks, out[2].Marks)
	}
	again := []Raft{entries(10, 1, 1, 1)}
	if i.mark(4, again); again[0].Marks != nil || len(i.marks) != 0 {
		t.Errorf("marks outlive their frame: %v", again[0].Marks)
	}
}

func TestMarksTakeAnyBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		i := &inbound{}
		body := rapid.SliceOfN(rapid.Byte(), 0, 3*markBytes).Draw(t, "body")
		if err := i.noted(frame{from: metadata.NodeID(1), body: body}); (err == nil) != (len(body)%markBytes == 0) {
			t.Fatalf("%d bytes: %v", len(body), err)
		}
	})
}
