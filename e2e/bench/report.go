package main

import (
	"cmp"
	"slices"
	"time"

	"github.com/troupe-mq/troupe/actors/stages"
)

// Report is everything that was measured, and what it is true for.
type Report struct {
	When     time.Time `json:"when"`
	Machine  Machine   `json:"machine"`
	Versions Versions  `json:"versions"`
	Settings Settings  `json:"settings"`
	Raw      Raw       `json:"raw"`
	Results  []*Result `json:"results"`
}

// Settings are what the figures hold for.
type Settings struct {
	options
	Nodes       int    `json:"nodes"`
	Replication int    `json:"replication_factor"`
	Acks        string `json:"acks"`
	Sync        string `json:"sync"`
	Compression string `json:"compression"`
}

func newReport(o *options) (*Report, error) {
	r := &Report{When: time.Now().UTC(), Settings: Settings{
		options: *o, Nodes: 3, Replication: 3, Acks: "all, idempotent", Compression: cmp.Or(o.Codec, "none"),
		Sync: "before every acknowledgement, on a majority of the replicas",
	}}
	var err error
	r.Machine = machine(o.Dir)
	r.Versions, err = versions(o.Binary)
	return r, err
}

// Result is a measurement: its runs, and the median of each figure over them.
type Result struct {
	Name   string         `json:"name"`
	Median Figures        `json:"median"`
	Stages stages.Reading `json:"-"` // of all runs together
	Runs   []*Sample      `json:"runs"`
}

// Figures are what the table shows of a measurement.
type Figures struct {
	RecordsPerSecond float64  `json:"records_per_second"`
	MiBPerSecond     float64  `json:"mib_per_second"`
	Latency          *Latency `json:"latency_ms,omitempty"`
	NodeCPUPerGiB    float64  `json:"node_cpu_seconds_per_gib"`   // of the three together
	ClientCPUPerGiB  float64  `json:"client_cpu_seconds_per_gib"` // of this process
	WrittenPerByte   float64  `json:"written_per_byte"`           // by one node, in the mean
	MemoryMiB        float64  `json:"anonymous_memory_mib"`       // of the largest node
}

func (r *Result) summarize() {
	m := func(f func(*Sample) float64) float64 { return median(r.Runs, f) }
	r.Median = Figures{
		RecordsPerSecond: m((*Sample).rate), MiBPerSecond: m((*Sample).mibPerSec), NodeCPUPerGiB: m((*Sample).cpuPerGiB),
		ClientCPUPerGiB: m((*Sample).clientPerGiB), WrittenPerByte: m((*Sample).writtenPerGiB), MemoryMiB: m((*Sample).memory),
	}
	if r.Runs[0].Latency != nil {
		r.Median.Latency = &Latency{
			P50:  m(func(s *Sample) float64 { return s.Latency.P50 }),
			P99:  m(func(s *Sample) float64 { return s.Latency.P99 }),
			P999: m(func(s *Sample) float64 { return s.Latency.P999 }),
			Max:  m(func(s *Sample) float64 { return s.Latency.Max }),
		}
	}
	r.Stages = stages.Reading{}
	for _, s := range r.Runs {
		r.Stages = r.Stages.Plus(s.Stages)
	}
}

func median(runs []*Sample, f func(*Sample) float64) float64 {
	values := make([]float64, len(runs))
	for i, s := range runs {
		values[i] = f(s)
	}
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}
