package telemetry

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/troupe-mq/troupe/actors/node"
)

// The names of groups are their clients': whatever they are, metrics are delivered, and of a
// bounded number of series.
func TestNamesOfGroupsSpoilNothing(t *testing.T) {
	o := observation(30)
	o.Groups = []node.GroupReading{
		{Group: "plain", State: "Stable", Members: 3},
		{Group: "\xff\xfe", State: "Empty", Lags: []node.LagReading{{Topic: "t", Records: 5, Behind: time.Second}}},
		// looks the same
		{Group: "\xfd\xfc", State: "Empty", Lags: []node.LagReading{{Topic: "t", Records: 6, Behind: 3 * time.Second}}},
		{Group: strings.Repeat("é", 500), State: "Empty"},
	}
	f, _, _ := scrape(t, Partitions, o)
	if got := at(t, f, "troupe_group_members", "group", "plain"); got != 3 {
		t.Errorf("%g members, want 3", got)
	}
	same := strings.Repeat("\uFFFD", 1)
	if got := at(t, f, "troupe_group_lag_records", "group", same, "topic", "t", "partition", "0"); got != 11 {
		t.Errorf("the lag of what is shown as one is %g, want 11", got)
	}
	if got := at(t, f, "troupe_group_lag_seconds", "group", same, "topic", "t", "partition", "0"); got != 3 {
		t.Errorf("the lag of what is shown as one is %g s, want 3", got)
	}
	for _, m := range f["troupe_group_members"].GetMetric() {
		if v := m.Label[0].GetValue(); len(v) > labelBytes {
			t.Errorf("a label of %d bytes", len(v))
		}
	}
	checkLabels(t, o)
}

// checkLabels sees what OTLP would: it takes nothing at all of a message with a string that is no
// UTF-8.
func checkLabels(t *testing.T, o *node.Observation) {
	t.Helper()
	p := &producer{families: families(nil), scope: Partitions, started: time.Now()}
	var source Source = still{o}
	p.source.Store(&source)
	all, err := p.Produce(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for _, m := range all[0].Metrics {
		g, ok := m.Data.(metricdata.Gauge[float64])
		if !ok {
			continue
		}
		for _, point := range g.DataPoints {
			series := fmt.Sprint(m.Name, point.Attributes.ToSlice())
			if seen[series] {
				t.Errorf("%s twice", series)
			}
			seen[series] = true
			for _, a := range point.Attributes.ToSlice() {
				if !utf8.ValidString(a.Value.AsString()) {
					t.Errorf("%s has label %q", m.Name, a.Value.AsString())
				}
			}
		}
	}
}

func TestManyGroupsHaveFewSeries(t *testing.T) {
	o := observation(30)
	for i := range 3 * groupsShown {
		g := node.GroupReading{Group: fmt.Sprintf("group-%05d", i), State: "Empty", Lags: []node.LagReading{{Topic: "t", Records: 1}}}
		if i == 3*groupsShown-1 {
			g.State, g.Members = "Stable", 7
		}
		o.Groups = append(o.Groups, g)
	}
	f, _, _ := scrape(t, Auto, o)
	for _, name := range []string{"troupe_group_members", "troupe_group_lag_records"} {
		if n := len(f[name].GetMetric()); n != groupsShown+1 {
			t.Errorf("%s: %d series, want %d", name, n, groupsShown+1)
		}
	}
	if got := at(t, f, "troupe_group_members", "group", fmt.Sprintf("group-%05d", 3*groupsShown-1)); got != 7 {
		t.Errorf("the one group with members has %g, want 7: it is the last to be left out", got)
	}
	if got := at(t, f, "troupe_group_lag_records", "group", otherGroups); got != 2*groupsShown {
		t.Errorf("the others lag by %g, want %d", got, 2*groupsShown)
	}
	if got := at(t, f, "troupe_groups", "state", "Empty"); got != 3*groupsShown-1 {
		t.Errorf("%g empty groups, want %d", got, 3*groupsShown-1)
	}
}
