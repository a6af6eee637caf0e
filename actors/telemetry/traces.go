package telemetry

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/troupe-mq/troupe/actors/node"
	"github.com/troupe-mq/troupe/actors/spans"
)

// deliverer gives spans to the SDK on a goroutine of its own: an actor's turn only puts them into a
// channel, and if that is full they are counted and lost.
type deliverer struct {
	queue    chan spans.Span
	done     chan struct{}
	provider *sdk.TracerProvider
	tracer   trace.Tracer

	recorded, dropped atomic.Uint64
}

const spansQueued = 8192

func newDeliverer(e sdk.SpanExporter, r *resource.Resource) *deliverer {
	d := &deliverer{queue: make(chan spans.Span, spansQueued), done: make(chan struct{})}
	d.provider = sdk.NewTracerProvider(sdk.WithBatcher(e, sdk.WithBatchTimeout(time.Second)), sdk.WithResource(r), sdk.WithSampler(sdk.AlwaysSample()), sdk.WithIDGenerator(given{}))
	d.tracer = d.provider.Tracer("troupe")
	go d.run()
	return d
}

// record takes a span. It never blocks.
func (d *deliverer) record(s spans.Span) {
	select {
	case d.queue <- s:
		d.recorded.Add(1)
	default:
		d.dropped.Add(1)
	}
}

func (d *deliverer) run() {
	defer close(d.done)
	for s := range d.queue {
		if s.Name == "" { // the last, see shutdown
			return
		}
		d.deliver(&s)
	}
}

// deliver makes the SDK's span of one of ours. What is sampled was decided before, and the ids were
// drawn when their children needed them.
func (d *deliverer) deliver(s *spans.Span) {
	ctx := context.WithValue(context.Background(), givenKey{}, s)
	if s.Parent != (spans.SpanID{}) {
		ctx = trace.ContextWithRemoteSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: trace.TraceID(s.Trace), SpanID: trace.SpanID(s.Parent), TraceFlags: trace.FlagsSampled, Remote: true,
		}))
	}
	kind := trace.SpanKindInternal
	if s.Kind == spans.Server {
		kind = trace.SpanKindServer
	}
	_, span := d.tracer.Start(ctx, s.Name, trace.WithTimestamp(s.Begin.Time()), trace.WithSpanKind(kind), trace.WithAttributes(attributesOf(s)...))
	if s.Failed != "" {
		span.SetStatus(codes.Error, s.Failed)
	}
	span.End(trace.WithTimestamp(s.End.Time()))
}

// attributesOf says where a span was, by OpenTelemetry's conventions where they have a word for it.
func attributesOf(s *spans.Span) []attribute.KeyValue {
	p := &s.Place
	all := []attribute.KeyValue{attribute.String("messaging.system", "kafka"), attribute.Int64("troupe.shard", int64(p.Shard))}
	if p.Topic != "" {
		all = append(all, attribute.String("messaging.destination.name", p.Topic),
			attribute.String("messaging.destination.partition.id", strconv.Itoa(int(p.Partition))))
	}
	if s.Kind == spans.Server {
		all = append(all, attribute.String("messaging.operation.name", s.Name))
	}
	if p.Offset >= 0 {
		all = append(all, attribute.Int64("messaging.kafka.offset", p.Offset))
	}
	if p.Index > 0 {
		all = append(all, attribute.Int64("troupe.index", int64(p.Index)), attribute.Int64("troupe.term", int64(p.Term)))
	}
	if p.Replica > 0 {
		all = append(all, attribute.Int64("troupe.replica", int64(p.Replica)))
	}
	return all
}

func (d *deliverer) shutdown(ctx context.Context) error {
	select {
	case d.queue <- spans.Span{}:
		select {
		case <-d.done:
		case <-ctx.Done():
		}
	case <-ctx.Done():
	}
	return d.provider.Shutdown(ctx)
}

// given is the SDK's source of ids: those that the span has already.
type given struct{}

type givenKey struct{}

// NewIDs implements sdk.IDGenerator.
func (given) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	s := ctx.Value(givenKey{}).(*spans.Span)
	return trace.TraceID(s.Trace), trace.SpanID(s.Span)
}

// NewSpanID implements sdk.IDGenerator.
func (given) NewSpanID(ctx context.Context, _ trace.TraceID) trace.SpanID {
	return trace.SpanID(ctx.Value(givenKey{}).(*spans.Span).Span)
}

// spanExporter makes the exporter of traces.
func (t *Telemetry) spanExporter() (sdk.SpanExporter, error) {
	var client otlptrace.Client
	if t.options.Protocol == "http" {
		client = otlptracehttp.NewClient(otlptracehttp.WithEndpointURL(t.options.Endpoint + "/v1/traces"))
	} else {
		client = otlptracegrpc.NewClient(otlptracegrpc.WithEndpointURL(t.options.Endpoint))
	}
	e, err := otlptrace.New(context.Background(), client)
	if err != nil {
		return nil, fmt.Errorf("prepare to send traces to %s: %w", t.options.Endpoint, err)
	}
	return e, nil
}

// traceFamilies count the spans of this node; t may have none.
func traceFamilies(d *deliverer) []family {
	of := func(read func(*deliverer) uint64) func(*reading, *points) {
		return number(func(*node.Observation) uint64 {
			if d == nil {
				return 0
			}
			return read(d)
		})
	}
	return []family{
		{"troupe_spans_total", counter, "{span}", nil, "Spans of sampled batches and fetches recorded.", of(func(d *deliverer) uint64 { return d.recorded.Load() })},
		{"troupe_spans_dropped_total", counter, "{span}", nil, "Spans lost because they could not be handed over fast enough.", of(func(d *deliverer) uint64 { return d.dropped.Load() })},
	}
}
