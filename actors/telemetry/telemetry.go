package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/otlptranslator"
	"go.opentelemetry.io/otel/attribute"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/troupe-mq/troupe/actors/spans"
)

// Options are how a node is observed.
type Options struct {
	NodeID     int32
	Version    string
	Partitions Scope // how finely metrics of partitions are shown
	// Endpoint is the URL of an OTLP receiver, such as http://localhost:4317; empty sends nothing.
	// What OpenTelemetry's own variables say of headers and certificates holds.
	Endpoint  string
	Protocol  string        // grpc or http
	PushEvery time.Duration // between two pushes of metrics
	Ratio     float64       // share of record batches without a trace context that are traced, 0 to 1
	Logger    *slog.Logger
}

// Telemetry carries the metrics of one node out.
type Telemetry struct {
	options  Options
	producer *producer
	metrics  *metric.MeterProvider
	handler  http.Handler
	spans    *deliverer    // nil without an endpoint
	tracer   *spans.Tracer // nil without an endpoint
}

// New prepares what carries metrics out; Observe says whose. End it with Shutdown.
func New(o Options) (*Telemetry, error) {
	t := &Telemetry{options: o}
	if err := t.trace(); err != nil {
		return nil, err
	}
	t.producer = &producer{families: families(t.spans), scope: o.Partitions, started: time.Now()}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	// Names are shown as they are written in the tables: units and _total are part of them where they
	// belong.
	scrape, err := exporter.New(exporter.WithRegisterer(registry), exporter.WithProducer(t.producer), exporter.WithoutScopeInfo(),
		exporter.WithoutTargetInfo(), exporter.WithTranslationStrategy(otlptranslator.NoTranslation))
	if err != nil {
		return nil, fmt.Errorf("prepare /metrics: %w", err)
	}
	t.handler = promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError, ErrorLog: complaints{o.Logger}})
	options := []metric.Option{metric.WithReader(scrape), metric.WithResource(t.resource())}
	if o.Endpoint != "" {
		push, err := t.push()
		if err != nil {
			return nil, err
		}
		options = append(options, metric.WithReader(metric.NewPeriodicReader(push, metric.WithInterval(o.PushEvery), metric.WithProducer(t.producer))))
	}
	t.metrics = metric.NewMeterProvider(options...)
	return t, nil
}

// trace prepares what carries spans out, if there is where to.
func (t *Telemetry) trace() error {
	if t.options.Endpoint == "" {
		return nil
	}
	e, err := t.spanExporter()
	if err != nil {
		return err
	}
	t.spans = newDeliverer(e, t.resource())
	t.tracer = spans.NewTracer(t.options.Ratio, t.spans.record)
	return nil
}

// Tracer decides what is traced; nil if nothing is.
func (t *Telemetry) Tracer() *spans.Tracer { return t.tracer }

// complaints logs what is wrong with a scrape; the rest of it is answered.
type complaints struct{ log *slog.Logger }

// Println implements promhttp.Logger.
func (c complaints) Println(v ...any) {
	c.log.Error("a scrape is not whole", "error", fmt.Sprint(v...))
}

// resource is what all of a node's telemetry says of its origin.
func (t *Telemetry) resource() *resource.Resource {
	id := strconv.Itoa(int(t.options.NodeID))
	return resource.NewSchemaless(
		attribute.String("service.name", "troupe"), attribute.String("service.version", t.options.Version),
		attribute.String("service.instance.id", id), attribute.String("troupe.node.id", id),
	)
}

// Observe begins to show a node.
func (t *Telemetry) Observe(s Source) { t.producer.source.Store(&s) }

// Metrics answers scrapes.
func (t *Telemetry) Metrics() http.Handler { return t.handler }

// Shutdown delivers what is left.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	var errs []error
	if t.spans != nil {
		errs = append(errs, t.spans.shutdown(ctx))
	}
	return errors.Join(append(errs, t.metrics.Shutdown(ctx))...)
}
