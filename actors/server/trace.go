package server

import (
	"context"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/actors/spans"
	"github.com/troupe-mq/troupe/actors/stages"
)

// Tracer decides what of the request is traced; nil while tracing is off.
func (p *Pending) Tracer() *spans.Tracer { return p.tracer }

// Trace begins the span of a request, or of one batch of it that was just checked, under the
// context that was sampled. It ends when the answer is written. It must be called before anything
// that resolves the Pending can.
func (p *Pending) Trace(name string, c spans.Context, parent spans.SpanID, place spans.Place) *spans.Traced {
	t := &spans.Traced{Context: c, Parent: parent, Name: name, Tracer: p.tracer, Began: p.began, Place: place}
	t.Next("read", p.read)
	t.Next("check", stages.Now())
	p.traced = append(p.traced, t)
	return t
}

// Hand begins the span of a fetch that hands traced records out; it began to look for them then and
// has just found them.
func (p *Pending) Hand(of spans.Context, look stages.Moment, place spans.Place) {
	own := spans.Context{Trace: of.Trace, Span: spans.NewSpanID()}
	t := &spans.Traced{Context: own, Parent: of.Span, Name: "fetch", Tracer: p.tracer, Began: look, Place: place}
	t.Next("find", stages.Now())
	p.traced = append(p.traced, t)
}

// longRequest is from when on a traced request is worth a line in the log.
const longRequest = time.Second

// trace records the spans of requests whose answer was written.
func (p *Pending) trace(now stages.Moment, log *slog.Logger) {
	failed := ""
	if p.code != 0 {
		failed = kerr.ErrorForCode(p.code).Error()
	}
	for _, t := range p.traced {
		t.Next("answer", now)
		t.End(now, failed)
		if took := time.Duration(t.Began.To(now)); failed != "" || took > longRequest {
			log.WarnContext(spans.ContextWith(context.Background(), t.Context), "a traced request failed or took long",
				"request", t.Name, "topic", t.Place.Topic, "partition", t.Place.Partition, "took", took, "error", failed)
		}
	}
}
