package api

import (
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/actors/spans"
	"github.com/troupe-mq/troupe/actors/stages"
	"github.com/troupe-mq/troupe/protocol/batch"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// traceparent is the header of a record that carries its producer's trace context (W3C Trace
// Context, OpenTelemetry's conventions for messaging).
const traceparent = "traceparent"

// looks decides into which compressed batches of a connection to look for a context, because
// looking means to decompress their beginnings: a producer that traces puts a context into every
// record, so one without in its first batches is looked at rarely.
type looks struct{ batches, found int }

const (
	looksFirst = 8
	looksEvery = 64
)

func (l *looks) wanted() bool {
	l.batches++
	return l.found > 0 || l.batches <= looksFirst || l.batches%looksEvery == 0
}

// trace begins the span of a batch that was checked and is about to be appended; nil if it is not
// sampled.
func (c *Call) trace(p *metadata.Partition, b batch.Batch) *spans.Traced {
	context, parent, ok := c.sample(c.pending.Tracer(), b)
	if !ok {
		return nil
	}
	return c.pending.Trace("produce", context, parent, place(p, -1))
}

// sample decides on a batch; there is no tracer while tracing is off.
func (c *Call) sample(t *spans.Tracer, b batch.Batch) (context spans.Context, parent spans.SpanID, ok bool) {
	if t == nil {
		return context, parent, false
	}
	return t.Sample(c.parentOf(b))
}

// parentOf returns the trace context of a batch's first record, nil if it has none or was not
// looked at.
func (c *Call) parentOf(b batch.Batch) []byte {
	if b.Codec() == 0 {
		value, _ := b.FirstHeader(traceparent)
		return value
	}
	l, ok := c.Connection.Values[traceparent].(*looks)
	if !ok {
		l = &looks{}
		c.Connection.Values[traceparent] = l
	}
	if !l.wanted() {
		return nil
	}
	value, found := b.FirstHeader(traceparent)
	if found {
		l.found++
	}
	return value
}

func place(p *metadata.Partition, offset int64) spans.Place {
	return spans.Place{Topic: p.Topic, Partition: p.Index, Shard: uint64(p.Shard), Offset: offset}
}

// handed is a traced batch that a fetch hands out.
type handed struct {
	of spans.Context
	at spans.Place
}

// look is the present moment if tracing is on.
func (f *fetching) look() stages.Moment {
	if f.call.pending.Tracer() == nil {
		return 0
	}
	return stages.Now()
}

// trace notes which traced records are among those that were read.
func (g *gathered) trace(v *replica.View, p *metadata.Partition, offset int64, records []byte) {
	if len(records) == 0 || !v.Traces() {
		return
	}
	next := offset
	for rest := records; len(rest) > 0; {
		b, after, ok := batch.Next(rest)
		if !ok {
			break
		}
		next, rest = b.NextOffset(), after
	}
	for _, of := range v.Traced(offset, next) {
		g.handed = append(g.handed, handed{of, place(p, offset)})
	}
}
