package api

import (
	"fmt"
	"testing"

	"github.com/troupe-mq/troupe/actors/server"
	"github.com/troupe-mq/troupe/actors/spans"
	"github.com/troupe-mq/troupe/protocol/batch"
)

// of12KB is a batch of twelve records of a kB, each with a trace context that is not sampled or
// none.
func of12KB(tb testing.TB, codec int8, context bool) batch.Batch {
	tb.Helper()
	all := make([]batch.Record, 12)
	for i := range all {
		all[i].Value = fmt.Appendf(nil, "%01000d", i*i*i)
		if context {
			all[i].Headers = []batch.Header{{Key: traceparent, Value: []byte("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00")}}
		}
	}
	b, err := batch.Build(all).Recompress(codec)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// calling is a call of a connection, for decisions on what to trace.
func calling() *Call {
	return &Call{Request: &server.Request{Connection: &server.Connection{Values: map[string]any{}}}}
}

// unsampled are the ways to decide that a batch is not traced.
var unsampled = []struct {
	name    string
	tracer  *spans.Tracer
	codec   int8
	context bool
}{
	{"off", nil, 0, false},
	{"on", spans.NewTracer(0, nil), 0, false},
	{"1 in 100", spans.NewTracer(0.01, func(spans.Span) {}), 0, false},
	{"by the parent", spans.NewTracer(0.01, nil), 0, true},
	{"lz4", spans.NewTracer(0, nil), 3, false},
	{"zstd", spans.NewTracer(0, nil), 4, false},
}

// BenchmarkUnsampled is what deciding costs for each batch of 12 kB that is not traced, with
// tracing on and off.
func BenchmarkUnsampled(b *testing.B) {
	for _, c := range unsampled {
		b.Run(c.name, func(b *testing.B) {
			call, of := calling(), of12KB(b, c.codec, c.context)
			b.ReportAllocs()
			for b.Loop() {
				call.sample(c.tracer, of)
			}
		})
	}
}

// TestUnsampledIsCheap: what is not sampled is decided upon without garbage, unless it is
// compressed; that is looked into rarely.
func TestUnsampledIsCheap(t *testing.T) {
	for _, c := range unsampled {
		if c.codec != 0 {
			continue
		}
		call, of := calling(), of12KB(t, c.codec, c.context)
		if n := testing.AllocsPerRun(100, func() { call.sample(c.tracer, of) }); n != 0 {
			t.Errorf("%s: %g allocations a batch", c.name, n)
		}
	}
	var none, some looks
	some.found = 1
	looked := [2]int{}
	for range 1000 {
		for i, l := range []*looks{&none, &some} {
			if l.wanted() {
				looked[i]++
			}
		}
	}
	if want := [2]int{looksFirst + 1000/looksEvery, 1000}; looked != want {
		t.Errorf("of 1,000 compressed batches %v are looked into if none has a context and if one had, want %v", looked, want)
	}
}
