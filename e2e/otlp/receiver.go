// Package otlp is an OpenTelemetry receiver for tests: it keeps the spans and the names of the
// metrics that nodes send, and puts traces together as trees.
package otlp

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	metricscol "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	tracecol "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	"google.golang.org/grpc"
)

// Span is a span that arrived.
type Span struct {
	Trace, ID, Parent string // hexadecimal; no parent is empty
	Name              string
	Node              string // that sent it
	Begin, End        time.Time
	Attributes        map[string]string
	Failed            string
}

// Receiver takes what nodes send.
type Receiver struct {
	metricscol.UnimplementedMetricsServiceServer
	tracecol.UnimplementedTraceServiceServer
	address string

	mu      sync.Mutex
	spans   []Span
	metrics map[string]map[string]bool // name → nodes
}

// Listen starts a receiver that ends with the test.
func Listen(t testing.TB) *Receiver {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &Receiver{address: l.Addr().String(), metrics: make(map[string]map[string]bool)}
	s := grpc.NewServer()
	tracecol.RegisterTraceServiceServer(s, r)
	metricscol.RegisterMetricsServiceServer(s, metrics{r: r})
	go s.Serve(l)
	t.Cleanup(s.Stop)
	return r
}

// URL is where nodes send to.
func (r *Receiver) URL() string { return "http://" + r.address }

// Export implements the trace service.
func (r *Receiver) Export(_ context.Context, request *tracecol.ExportTraceServiceRequest) (*tracecol.ExportTraceServiceResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, from := range request.ResourceSpans {
		node := attributes(from.GetResource().GetAttributes())["troupe.node.id"]
		for _, scope := range from.ScopeSpans {
			for _, s := range scope.Spans {
				r.spans = append(r.spans, Span{
					Trace: hex.EncodeToString(s.TraceId), ID: hex.EncodeToString(s.SpanId), Parent: hex.EncodeToString(s.ParentSpanId),
					Name: s.Name, Node: node, Begin: time.Unix(0, int64(s.StartTimeUnixNano)), End: time.Unix(0, int64(s.EndTimeUnixNano)),
					Attributes: attributes(s.Attributes), Failed: s.GetStatus().GetMessage(),
				})
			}
		}
	}
	return &tracecol.ExportTraceServiceResponse{}, nil
}

// metrics is the receiver as the other service of the same method.
type metrics struct {
	metricscol.UnimplementedMetricsServiceServer
	r *Receiver
}

// Export implements the metrics service.
func (m metrics) Export(_ context.Context, request *metricscol.ExportMetricsServiceRequest) (*metricscol.ExportMetricsServiceResponse, error) {
	m.r.mu.Lock()
	defer m.r.mu.Unlock()
	for _, from := range request.ResourceMetrics {
		node := attributes(from.GetResource().GetAttributes())["troupe.node.id"]
		for _, scope := range from.ScopeMetrics {
			for _, one := range scope.Metrics {
				if m.r.metrics[one.Name] == nil {
					m.r.metrics[one.Name] = make(map[string]bool)
				}
				m.r.metrics[one.Name][node] = true
			}
		}
	}
	return &metricscol.ExportMetricsServiceResponse{}, nil
}

func attributes(all []*common.KeyValue) map[string]string {
	m := make(map[string]string, len(all))
	for _, a := range all {
		switch v := a.Value.GetValue().(type) {
		case *common.AnyValue_StringValue:
			m[a.Key] = v.StringValue
		case *common.AnyValue_IntValue:
			m[a.Key] = fmt.Sprint(v.IntValue)
		}
	}
	return m
}

// Metrics is how many nodes sent a metric.
func (r *Receiver) Metrics(name string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.metrics[name])
}

// Traces is how many traces arrived.
func (r *Receiver) Traces() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	ids := make(map[string]bool)
	for _, s := range r.spans {
		ids[s.Trace] = true
	}
	return len(ids)
}

// Trace returns what arrived of a trace, in order of begin.
func (r *Receiver) Trace(id string) Trace {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all Trace
	for _, s := range r.spans {
		if s.Trace == id {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b Span) int { return a.Begin.Compare(b.Begin) })
	return all
}

// Trace is the spans of one trace, in order of begin.
type Trace []Span

// Named are the spans of a name.
func (t Trace) Named(name string) (all []Span) {
	for _, s := range t {
		if s.Name == name {
			all = append(all, s)
		}
	}
	return all
}

// Find returns a span by its id; the zero Span if it is not there.
func (t Trace) Find(id string) Span {
	for _, s := range t {
		if s.ID == id {
			return s
		}
	}
	return Span{}
}

// Nodes are the nodes that spans came from, in order.
func (t Trace) Nodes() (nodes []string) {
	for _, s := range t {
		if !slices.Contains(nodes, s.Node) {
			nodes = append(nodes, s.Node)
		}
	}
	slices.Sort(nodes)
	return nodes
}

// Covered is which share of a span's time lies within the spans below it, those of all depths.
func (t Trace) Covered(of Span) float64 {
	below := map[string]bool{of.ID: true}
	for range t { // as often as the tree can be deep
		for _, s := range t {
			below[s.ID] = below[s.ID] || below[s.Parent]
		}
	}
	covered, at := time.Duration(0), of.Begin
	for _, s := range t { // in order of begin
		if s.ID == of.ID || !below[s.ID] || !s.End.After(at) || !s.Begin.Before(of.End) {
			continue
		}
		begin, end := s.Begin, s.End
		if begin.Before(at) {
			begin = at
		}
		if end.After(of.End) {
			end = of.End
		}
		covered += end.Sub(begin)
		at = end
	}
	return float64(covered) / float64(of.End.Sub(of.Begin))
}

// Print writes the tree, times from the trace's begin.
func (t Trace) Print(w io.Writer) {
	if len(t) == 0 {
		return
	}
	known := map[string]bool{}
	for _, s := range t {
		known[s.ID] = true
	}
	for _, s := range t {
		if !known[s.Parent] {
			t.print(w, s, 0)
		}
	}
}

func (t Trace) print(w io.Writer, s Span, depth int) {
	where := ""
	for _, name := range []string{"messaging.destination.name", "troupe.shard", "troupe.term", "troupe.index", "messaging.kafka.offset"} {
		if v, ok := s.Attributes[name]; ok {
			where += fmt.Sprintf(" %s=%s", name[strings.LastIndex(name, ".")+1:], v)
		}
	}
	node := "client"
	if s.Node != "" {
		node = "node " + s.Node
	}
	fmt.Fprintf(w, "%8.3f ms %8.3f ms  %-7s %s%s%s\n", ms(s.Begin.Sub(t[0].Begin)), ms(s.End.Sub(s.Begin)), node, strings.Repeat("  ", depth), s.Name, where)
	for _, child := range t {
		if child.Parent == s.ID {
			t.print(w, child, depth+1)
		}
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
