package telemetry

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/sdk/metric"
)

// push makes the exporter of metrics.
func (t *Telemetry) push() (e metric.Exporter, err error) {
	if t.options.Protocol == "http" {
		e, err = otlpmetrichttp.New(context.Background(), otlpmetrichttp.WithEndpointURL(t.options.Endpoint+"/v1/metrics"))
	} else {
		e, err = otlpmetricgrpc.New(context.Background(), otlpmetricgrpc.WithEndpointURL(t.options.Endpoint))
	}
	if err != nil {
		return nil, fmt.Errorf("prepare to push metrics to %s: %w", t.options.Endpoint, err)
	}
	return e, nil
}
