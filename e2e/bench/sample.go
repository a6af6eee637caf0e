package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/troupe-mq/troupe/actors/stages"
)

// Sample is one run of a measurement.
type Sample struct {
	Records int64    `json:"records"` // acknowledged or received
	Bytes   int64    `json:"bytes"`   // of their values
	Seconds float64  `json:"seconds"` // from the first record to the last answer
	Latency *Latency `json:"latency_ms,omitempty"`
	// Figures are what else was measured, by name.
	Figures map[string]float64 `json:"figures,omitempty"`

	Nodes  []Usage        `json:"nodes"`  // by node id
	Client Usage          `json:"client"` // this process
	Stages stages.Reading `json:"stages"` // of all nodes together
}

// Latency is the distribution of a run's latencies in ms.
type Latency struct {
	P50  float64 `json:"p50"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
	Max  float64 `json:"max"`
}

// latencyOf sorts all.
func latencyOf(all []time.Duration) *Latency {
	if len(all) == 0 {
		return &Latency{}
	}
	slices.Sort(all)
	at := func(q float64) float64 {
		return ms(all[min(int(q*float64(len(all))), len(all)-1)])
	}
	return &Latency{P50: at(0.5), P99: at(0.99), P999: at(0.999), Max: ms(all[len(all)-1])}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

const (
	mib = 1 << 20
	gib = 1 << 30
)

func (s *Sample) rate() float64      { return float64(s.Records) / s.Seconds }
func (s *Sample) mibPerSec() float64 { return float64(s.Bytes) / mib / s.Seconds }
func (s *Sample) gib() float64       { return float64(s.Bytes) / gib }

// cpuPerGiB are the CPU seconds of all nodes for a GiB of values.
func (s *Sample) cpuPerGiB() float64 {
	var cpu float64
	for _, n := range s.Nodes {
		cpu += n.CPU
	}
	return cpu / s.gib()
}

// clientPerGiB are the CPU seconds of this process for a GiB of values.
func (s *Sample) clientPerGiB() float64 { return s.Client.CPU / s.gib() }

// writtenPerGiB is how many bytes one node wrote for a byte of values, in the mean.
func (s *Sample) writtenPerGiB() float64 {
	var written int64
	for _, n := range s.Nodes {
		written += n.Written
	}
	return float64(written) / float64(len(s.Nodes)) / float64(s.Bytes)
}

// resident is the largest resident memory of a node at the end of the run, in MiB.
func (s *Sample) resident() float64 {
	var most int64
	for _, n := range s.Nodes {
		most = max(most, n.Resident)
	}
	return float64(most) / mib
}

// memory is the largest anonymous memory of a node at the end of the run, in MiB.
func (s *Sample) memory() float64 {
	var most int64
	for _, n := range s.Nodes {
		most = max(most, n.Anonymous)
	}
	return float64(most) / mib
}

// String is the run in a line of progress.
func (s *Sample) String() string {
	if s.Records == 0 {
		return fmt.Sprint(s.Figures)
	}
	line := fmt.Sprintf("%.0f records/s, %.1f MiB/s", s.rate(), s.mibPerSec())
	if l := s.Latency; l != nil {
		line += fmt.Sprintf(", p50 %.2f p99 %.2f p99.9 %.2f ms", l.P50, l.P99, l.P999)
	}
	return line + fmt.Sprintf(", %.1f CPU s/GiB of the nodes", s.cpuPerGiB())
}
