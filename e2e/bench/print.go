package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/troupe-mq/troupe/actors/stages"
)

// print writes the report for people.
func (r *Report) print(w io.Writer) {
	m, v, s := r.Machine, r.Versions, r.Settings
	fmt.Fprintf(w, "troupe %s, %s, %s; %s\n", v.Troupe, v.Go, v.Client, r.When.Format(time.RFC3339))
	fmt.Fprintf(w, "%s, %d cores, %s, Linux %s, %s; load %s; the clients share the cores\n", m.CPU, m.Cores, m.Memory, m.Kernel, m.FileSystem, m.Load)
	fmt.Fprintf(w, "%d nodes, replication factor %d, acks=%s, sync %s\n", s.Nodes, s.Replication, s.Acks, s.Sync)
	fmt.Fprintf(w, "%d partitions, records of %d bytes (compression %s), batches up to %d KiB; medians of %d runs of %s\n\n",
		s.Partitions, s.Record, s.Compression, s.Batch>>10, s.Runs, s.For)
	r.Raw.print(w)
	r.printResults(w)
	for _, result := range r.Results {
		result.printStages(w)
	}
}

func table(w io.Writer) *tabwriter.Writer {
	return tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
}

func (raw *Raw) print(w io.Writer) {
	t := table(w)
	fmt.Fprintln(t, "raw, this directory\tMiB/s\tp50 ms\tp99 ms\tp99.9 ms\t")
	for _, d := range raw.Disk {
		fmt.Fprintf(t, "append + fdatasync %d KiB\t%.0f\t%.2f\t%.2f\t%.2f\t\n", d.Bytes>>10, d.MiBs, d.Latency.P50, d.Latency.P99, d.Latency.P999)
	}
	l := raw.Loopback
	fmt.Fprintf(t, "loopback round trip 1 KiB\t\t%.3f\t%.3f\t%.3f\t\n\n", l.P50, l.P99, l.P999)
	t.Flush()
}

func (r *Report) printResults(w io.Writer) {
	t := table(w)
	fmt.Fprintln(t, "\trecords/s\tMiB/s\tp50 ms\tp99 ms\tp99.9 ms\tnodes' CPU s/GiB\tclient's\twritten/byte a node\tlargest node MiB\t")
	for _, result := range r.Results {
		f := result.Median
		latency := "\t\t"
		if l := f.Latency; l != nil {
			latency = fmt.Sprintf("%.2f\t%.2f\t%.2f", l.P50, l.P99, l.P999)
		}
		fmt.Fprintf(t, "%s\t%.0f\t%.1f\t%s\t%.1f\t%.1f\t%.2f\t%.0f\t\n", result.Name, f.RecordsPerSecond, f.MiBPerSecond, latency,
			f.NodeCPUPerGiB, f.ClientCPUPerGiB, f.WrittenPerByte, f.MemoryMiB)
	}
	t.Flush()
}

// way are the stages in the order of a request's way, and sizes what is measured in other units.
var (
	way   = []string{"check", "queue", "stage", "wait", "sync", "replicate", "apply", "answer", "request"}
	sizes = []string{"proposal_bytes", "group_writes", "group_bytes"}
)

// printStages shows where the time went, unless nothing was produced.
func (r *Result) printStages(w io.Writer) {
	if r.Stages["request"].Count == 0 {
		return
	}
	fmt.Fprintf(w, "\nwhere the time goes: %s\n", r.Name)
	t := table(w)
	fmt.Fprintln(t, "stage\ttimes\tmean ms\tp50 ms\tp99 ms\tp99.9 ms\t")
	for _, name := range way {
		c := r.Stages[name]
		fmt.Fprintf(t, "%s\t%d\t%.3f\t%.3f\t%.3f\t%.3f\t\n", name, c.Count, c.Mean()/1e6, quantileMS(c, 0.5), quantileMS(c, 0.99), quantileMS(c, 0.999))
	}
	t.Flush()
	for _, name := range sizes {
		c := r.Stages[name]
		fmt.Fprintf(w, "  %s: mean %.1f, p50 %d, p99 %d\n", name, c.Mean(), c.Quantile(0.5), c.Quantile(0.99))
	}
}

func quantileMS(c stages.Counts, q float64) float64 { return float64(c.Quantile(q)) / 1e6 }
