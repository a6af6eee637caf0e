package telemetry

import (
	"github.com/troupe-mq/troupe/actors/node"
	"github.com/troupe-mq/troupe/actors/stages"
)

// kind is what a metric's value does.
type kind string

const (
	gauge     kind = "gauge"     // goes up and down
	counter   kind = "counter"   // only grows, until the process ends
	histogram kind = "histogram" // counts values by size
)

// family is one metric.
type family struct {
	name   string
	kind   kind
	unit   string // as OpenTelemetry writes units (UCUM)
	labels []string
	help   string
	read   func(*reading, *points)
}

// families are all metrics, in the order of the documentation.
func families(d *deliverer) []family {
	var all []family
	for _, table := range [][]family{raftFamilies, partitionFamilies, requestFamilies, groupFamilies, journalFamilies, remoteFamilies, storageFamilies, nodeFamilies, traceFamilies(d)} {
		all = append(all, table...)
	}
	return all
}

// reading is an observation, and how finely it is to be shown.
type reading struct {
	*node.Observation
	scope Scope               // of what belongs to partitions
	shown []node.GroupReading // as they are labelled
	// of what belongs to partitions that a group consumes: there may be more of those
	lags Scope
}

// newReading settles how finely an observation is to be shown.
func newReading(o *node.Observation, s Scope) *reading {
	lags := 0
	for _, g := range o.Groups {
		lags += len(g.Lags)
	}
	return &reading{o, s.of(len(o.Replicas)), shownGroups(o.Groups), s.of(max(lags, len(o.Replicas)))}
}

// points gathers the points of one family.
type points struct {
	labels  []string
	values  []value
	spreads []spread
}

// value is a point of a gauge or counter; labels that are empty are left out.
type value struct {
	of     float64
	labels []string
}

// spread is a point of a histogram.
type spread struct {
	of     stages.Counts
	in     measure
	labels []string
}

func (p *points) put(v float64, labels ...string) { p.values = append(p.values, value{v, labels}) }

func (p *points) spread(c stages.Counts, m measure, labels ...string) {
	p.spreads = append(p.spreads, spread{c, m, labels})
}

// measure says how a histogram's values are shown: divided by a number, counted up to bounds.
type measure struct {
	divisor float64
	bounds  []float64
}

var (
	// of ns
	millis = measure{1e6, []float64{0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000}}
	sizes  = measure{1, []float64{256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20, 64 << 20}}
	counts = measure{1, []float64{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000}}
)

// number reads a family of one point without labels.
func number[N int | int32 | int64 | uint64 | float64](of func(*node.Observation) N) func(*reading, *points) {
	return func(r *reading, p *points) { p.put(float64(of(r.Observation))) }
}

// whole reads a family of one histogram without labels.
func whole(m measure, of func(*node.Observation) *stages.Histogram) func(*reading, *points) {
	return func(r *reading, p *points) { p.spread(of(r.Observation).Read(), m) }
}

// truth is 1 or 0.
func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
