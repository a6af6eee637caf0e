package cluster

import (
	"bytes"
	"context"
	"fmt"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// Metrics is what a node showed at /metrics.
type Metrics struct {
	node     int32
	families map[string]*dto.MetricFamily
}

// Metrics reads the node's /metrics. An answer that Prometheus's parser does not take is an error.
func (n *Node) Metrics(ctx context.Context) (Metrics, error) {
	text, err := n.Get(ctx, "/metrics")
	if err != nil {
		return Metrics{}, err
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		return Metrics{}, fmt.Errorf("node %d: /metrics: %w", n.ID, err)
	}
	return Metrics{n.ID, families}, nil
}

// Labels choose series: name, value, name, value, …
type Labels []string

func (l Labels) match(m *dto.Metric) bool {
	for i := 0; i < len(l); i += 2 {
		found := false
		for _, have := range m.Label {
			found = found || have.GetName() == l[i] && have.GetValue() == l[i+1]
		}
		if !found {
			return false
		}
	}
	return true
}

// series are those that have all the labels.
func (m Metrics) series(name string, l Labels) (all []*dto.Metric) {
	for _, s := range m.families[name].GetMetric() {
		if l.match(s) {
			all = append(all, s)
		}
	}
	return all
}

// Has reports whether there is a series with all the labels.
func (m Metrics) Has(name string, l ...string) bool { return len(m.series(name, l)) > 0 }

// Value is the sum of the series that have all the labels; 0 if there is none. Of histograms it is
// the sum of the values.
func (m Metrics) Value(name string, l ...string) (v float64) {
	for _, s := range m.series(name, l) {
		v += s.GetGauge().GetValue() + s.GetCounter().GetValue() + s.GetUntyped().GetValue() + s.GetHistogram().GetSampleSum()
	}
	return v
}

// Count is how many values the histograms hold that have all the labels.
func (m Metrics) Count(name string, l ...string) (n uint64) {
	for _, s := range m.series(name, l) {
		n += s.GetHistogram().GetSampleCount()
	}
	return n
}
