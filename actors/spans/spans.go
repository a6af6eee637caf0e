// Package spans follows sampled record batches on their way through the cluster: from the
// producer's trace context in a record's header through request, log and replicas to the consumer's
// fetch. A Span is one stretch of that way; what becomes of it is the Recorder's business.
//
// What is not sampled has no Traced and no Mark: it costs a look at the first record's headers
// where tracing is on, and nothing where it is off.
package spans

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/rand/v2"

	"github.com/troupe-mq/troupe/actors/stages"
)

// TraceID and SpanID are W3C's. The zero values are none.
type (
	TraceID [16]byte
	SpanID  [8]byte
)

// Context names a span of a sampled trace. The zero value is none.
type Context struct {
	Trace TraceID
	Span  SpanID
}

// Sampled reports whether there is a trace.
func (c Context) Sampled() bool { return c.Trace != TraceID{} }

// contextKey is under which a context.Context carries a Context.
type contextKey struct{}

// ContextWith returns a context that says to the log which span its lines belong to.
func ContextWith(parent context.Context, c Context) context.Context {
	return context.WithValue(parent, contextKey{}, c)
}

// FromContext returns what ContextWith put in.
func FromContext(ctx context.Context) Context {
	c, _ := ctx.Value(contextKey{}).(Context)
	return c
}

// Place is where in the cluster's logs a span was; what is zero or -1 is unknown.
type Place struct {
	Topic     string
	Partition int32
	Shard     uint64
	Replica   uint64
	Term      uint64
	Index     uint64 // of the entry
	Offset    int64  // of the batch's first record, -1 if it has none yet
}

// Kind is what a span is to others.
type Kind uint8

// The kinds.
const (
	Internal Kind = iota
	Server        // it answers a request of a client
)

// Span is one stretch of the way of a record batch.
type Span struct {
	Context
	Parent SpanID // zero for the first span of a trace
	Kind   Kind
	Name   string
	Begin  stages.Moment
	End    stages.Moment
	Place  Place
	Failed string // why it did not go well, empty if it did
}

// Tracer decides what is traced. All methods are safe for any goroutine, and those of a nil Tracer
// do nothing: tracing is off.
type Tracer struct {
	record    func(Span)
	threshold uint64 // of 63 random bits, below which a batch without a context is sampled
}

// NewTracer makes a tracer that samples what its parent samples and, of what has no parent, a share
// from 0 to 1. record must not block.
func NewTracer(share float64, record func(Span)) *Tracer {
	t := &Tracer{record: record, threshold: uint64(share * (1 << 63))}
	if share >= 1 {
		t.threshold = math.MaxUint64
	}
	return t
}

// Record hands a span over that has ended.
func (t *Tracer) Record(s Span) { t.record(s) }

// Sample decides on a batch by the value of its traceparent header, empty if it has none. ok is
// false if it is not sampled. A parent that is not well-formed is none (W3C Trace Context).
func (t *Tracer) Sample(traceparent []byte) (c Context, parent SpanID, ok bool) {
	from, sampled, valid := parse(traceparent)
	switch {
	case valid && sampled:
		return Context{from.Trace, NewSpanID()}, from.Span, true
	case valid || t.threshold == 0 || t.threshold != math.MaxUint64 && rand.Uint64()>>1 >= t.threshold:
		return Context{}, SpanID{}, false
	}
	return Context{newTraceID(), NewSpanID()}, SpanID{}, true
}

// parse reads version-trace-span-flags, in lower-case hexadecimal digits.
func parse(b []byte) (c Context, sampled, ok bool) {
	const length = 55
	if len(b) < length || b[2] != '-' || b[35] != '-' || b[52] != '-' || len(b) > length && (b[length] != '-' || string(b[:2]) == "00") {
		return c, false, false
	}
	var version, flags [1]byte
	if !decode(version[:], b[:2]) || !decode(c.Trace[:], b[3:35]) || !decode(c.Span[:], b[36:52]) || !decode(flags[:], b[53:55]) {
		return c, false, false
	}
	if version[0] == 0xff || c.Trace == (TraceID{}) || c.Span == (SpanID{}) {
		return c, false, false
	}
	return c, flags[0]&1 == 1, true
}

func decode(into, digits []byte) bool {
	for _, d := range digits {
		if d >= 'A' && d <= 'F' {
			return false
		}
	}
	_, err := hex.Decode(into, digits)
	return err == nil
}

// NewSpanID draws an id.
func NewSpanID() (id SpanID) {
	binary.BigEndian.PutUint64(id[:], rand.Uint64()|1)
	return id
}

func newTraceID() (id TraceID) {
	binary.BigEndian.PutUint64(id[:], rand.Uint64())
	binary.BigEndian.PutUint64(id[8:], rand.Uint64()|1)
	return id
}

// Traced is a sampled batch or fetch on its way: its span is that of the request. Whoever has it
// may change Place.
type Traced struct {
	Context
	Parent SpanID
	Name   string
	Tracer *Tracer
	Began  stages.Moment // the request's first byte
	Place  Place

	at stages.Moment // up to where the way is recorded, 0 at its begin
}

// Next records the next stretch of the way, from where the last one ended: the stretches leave
// nothing out.
func (t *Traced) Next(name string, end stages.Moment) {
	t.NextAs(Context{t.Trace, NewSpanID()}, name, end)
}

// NextAs is Next for a stretch that others lie below already.
func (t *Traced) NextAs(c Context, name string, end stages.Moment) {
	t.Tracer.Record(Span{Context: c, Parent: t.Span, Name: name, Begin: max(t.at, t.Began), End: end, Place: t.Place})
	t.at = end
}

// End records the request's own span.
func (t *Traced) End(end stages.Moment, failed string) {
	t.Tracer.Record(Span{Context: t.Context, Parent: t.Parent, Kind: Server, Name: t.Name, Begin: t.Began, End: end, Place: t.Place, Failed: failed})
}

// Mark says that an entry is traced: it travels beside the raft message that brings the entry. What
// replicas do with it is below the span.
type Mark struct {
	Index uint64
	Context
}

// Handed says that the records in [Base, Next) are traced, for the fetches that hand them out:
// those are below the span.
type Handed struct {
	Base, Next int64
	Context
}
