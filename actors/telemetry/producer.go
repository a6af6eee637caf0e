package telemetry

import (
	"context"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/troupe-mq/troupe/actors/node"
)

// Source is what is observed; node.Node is one.
type Source interface {
	Observe(context.Context) *node.Observation
}

// producer gives the SDK's readers all families, read when they ask.
type producer struct {
	families []family
	scope    Scope
	started  time.Time
	source   atomic.Pointer[Source]
}

var _ metric.Producer = (*producer)(nil)

// Produce implements metric.Producer.
func (p *producer) Produce(ctx context.Context) ([]metricdata.ScopeMetrics, error) {
	source := p.source.Load()
	if source == nil {
		return nil, nil
	}
	o := (*source).Observe(ctx)
	r := newReading(o, p.scope)
	window := span{p.started, time.Now()}
	out := metricdata.ScopeMetrics{Scope: instrumentation.Scope{Name: "troupe", Version: o.Version}}
	for _, f := range p.families {
		in := points{labels: f.labels}
		f.read(r, &in)
		if m, ok := f.metrics(&in, window); ok {
			out.Metrics = append(out.Metrics, m)
		}
	}
	return []metricdata.ScopeMetrics{out}, nil
}

// span is the time that cumulative values cover.
type span struct{ from, to time.Time }

// metrics makes of a family's points what the SDK carries; false if there are none.
func (f *family) metrics(in *points, w span) (metricdata.Metrics, bool) {
	m := metricdata.Metrics{Name: f.name, Description: f.help, Unit: f.unit}
	if f.kind == histogram {
		h := metricdata.Histogram[float64]{Temporality: metricdata.CumulativeTemporality}
		for _, s := range in.spreads {
			h.DataPoints = append(h.DataPoints, s.point(f.labels, w))
		}
		m.Data = h
		return m, len(h.DataPoints) > 0
	}
	all := make([]metricdata.DataPoint[float64], len(in.values))
	for i, v := range in.values {
		all[i] = metricdata.DataPoint[float64]{Attributes: attributes(f.labels, v.labels), StartTime: w.from, Time: w.to, Value: v.of}
	}
	if f.kind == counter {
		m.Data = metricdata.Sum[float64]{DataPoints: all, Temporality: metricdata.CumulativeTemporality, IsMonotonic: true}
	} else {
		m.Data = metricdata.Gauge[float64]{DataPoints: all}
	}
	return m, len(all) > 0
}

// point counts the values of a histogram up to the measure's bounds. A bucket of ours that a bound
// cuts counts above it.
func (s *spread) point(labels []string, w span) metricdata.HistogramDataPoint[float64] {
	p := metricdata.HistogramDataPoint[float64]{
		Attributes: attributes(labels, s.labels), StartTime: w.from, Time: w.to,
		Count: s.of.Count, Sum: float64(s.of.Sum) / s.in.divisor,
		Bounds: s.in.bounds, BucketCounts: make([]uint64, len(s.in.bounds)+1),
	}
	at := 0
	for _, b := range s.of.Buckets {
		for at < len(s.in.bounds) && float64(b.Top)/s.in.divisor > s.in.bounds[at] {
			at++
		}
		p.BucketCounts[at] += b.Count
	}
	return p
}

// attributes pairs names with values; those without a value are left out.
func attributes(names, values []string) attribute.Set {
	pairs := make([]attribute.KeyValue, 0, len(values))
	for i, v := range values {
		if v != "" {
			pairs = append(pairs, attribute.String(names[i], labelOf(v)))
		}
	}
	return attribute.NewSet(pairs...)
}
