package main

import (
	"context"
	"slices"
	"time"
)

// row is one kind of run of a comparison, and what is read from it.
type row struct {
	name string // for --only
	run  func(context.Context, *bench) (*Sample, error)
	read []figure
}

// figure is one number of a row. Goals are what Troupe's has to be, in terms of the others'.
type figure struct {
	title  string
	unit   string
	of     func(*Sample) float64
	higher bool // more is better
	goals  []goal
}

// goal is a bound on Troupe's figure: factor times another contestant's, or another figure of
// Troupe's own, or with neither factor itself.
type goal struct {
	of     string
	factor float64
}

// The contestants' names.
const (
	troupeName  = "Troupe"
	kafkaName   = "Kafka"
	flushedName = "Kafka, flushed"
)

func p50(s *Sample) float64 { return s.Latency.P50 }
func p99(s *Sample) float64 { return s.Latency.P99 }

// group are rows that are run one after the other on the same cluster.
type group struct {
	name string
	rows []row
}

// groupsOfLoad compare throughput and latency. What a row leaves behind (dirty pages, compaction,
// and above all memory in use: on a virtual machine a page that was not used before costs several
// times as much, as the host backs it page by page) counts for the rows behind it, more for whoever
// wrote more, so that a group holds few rows, and those that write little come first. consume and
// its cold sibling read what the flood before them wrote.
var groupsOfLoad = []group{
	{"rates", []row{
		{"rate-2000", atRate(2000, 0), []figure{
			{"open loop, 2,000/s, 16 partitions: p50", "ms", p50, false, []goal{{kafkaName, 0.4}}},
			{"  p99", "ms", p99, false, []goal{{kafkaName, 0.25}}},
		}},
		{"one", oneByOne, []figure{
			{"one record at a time: p50", "ms", p50, false, []goal{{kafkaName, 1}}},
			{"  p99", "ms", p99, false, []goal{{kafkaName, 0.5}}},
		}},
		{"rate-1000", single(atRate(1000, 0)), []figure{
			{ownRate, "ms", p50, false, nil},
		}},
		{"rate-54000", atRate(54000, 0), []figure{
			{"open loop, 54,000/s, 16 partitions: p99", "ms", p99, false, []goal{{kafkaName, 0.25}}},
		}},
	}},
	{"many", []row{
		{"rate-1000-1000", thousand(atRate(1000, 0)), []figure{
			{"1,000/s on 1,000 partitions: p50", "ms", p50, false, []goal{{kafkaName, 0.1}, {ownRate, 1.5}}},
			{"  p99", "ms", p99, false, nil},
		}},
	}},
	{"small", []row{
		{"small-rate", small(atRate(100_000, 5*time.Millisecond)), []figure{
			{"256 B records, 5 ms linger, 100,000/s: p99", "ms", p99, false, []goal{{kafkaName, 0.5}}},
		}},
		{"small-flood", small(flooding(5 * time.Millisecond)), []figure{
			{"256 B records, 5 ms linger: flood", "k/s", func(s *Sample) float64 { return s.rate() / 1000 }, true, []goal{{kafkaName, 1}}},
		}},
	}},
	{"flood", []row{
		{"flood", flooding(0), []figure{
			{"flood, 16 partitions, no linger", "MiB/s", (*Sample).mibPerSec, true, []goal{{kafkaName, 1}, {flushedName, 2}}},
			{"  processor time of the nodes", "s/GiB", (*Sample).cpuPerGiB, false, []goal{{kafkaName, 0.6}}},
			{"  written by a node for a byte", "B", (*Sample).writtenPerGiB, false, nil},
			{"  resident memory of the largest node", "MiB", (*Sample).resident, false, nil},
			{"  of it anonymous", "MiB", (*Sample).memory, false, nil},
		}},
		{"consume", consume, []figure{
			{"consume from the start, just written", "MiB/s", (*Sample).mibPerSec, true, []goal{{kafkaName, 0.9}}},
		}},
		{"consume-cold", coldConsume, []figure{
			{"consume from the start, cold after restart", "MiB/s", (*Sample).mibPerSec, true, []goal{{kafkaName, 0.5}}},
		}},
	}},
	{"flood-two", []row{
		{"flood-two", twoFloods, []figure{
			{"flood, two clients, 5 ms linger", "MiB/s", (*Sample).mibPerSec, true, []goal{{flushedName, 2}}},
		}},
	}},
	{"flood-many", []row{
		{"flood-1000", thousand(flooding(0)), []figure{
			{"flood, 1,000 partitions", "MiB/s", (*Sample).mibPerSec, true, []goal{{kafkaName, 4}}},
		}},
	}},
	{"java", []row{
		{"java-produce", javaProduce, []figure{
			{"Kafka's ProducerPerformance, 16 partitions", "MiB/s", (*Sample).mibPerSec, true, nil},
			{"  p99", "ms", p99, false, nil},
		}},
		{"java-consume", javaConsume, []figure{
			{"Kafka's ConsumerPerformance", "MiB/s", (*Sample).mibPerSec, true, nil},
		}},
		{"java-latency", javaLatency, []figure{
			{"Kafka's EndToEndLatency: p50", "ms", p50, false, nil},
			{"  p99", "ms", p99, false, nil},
		}},
	}},
}

// allRows are those of all groups.
func allRows() []row {
	all := slices.Clone(rowsOfLife)
	for _, g := range groupsOfLoad {
		all = append(all, g.rows...)
	}
	return all
}

const ownRate = "1,000/s on 1 partition: p50"

func twoFloods(ctx context.Context, b *bench) (*Sample, error) {
	return floods(ctx, b, 2, 5*time.Millisecond, b.inTime)
}

type action = func(context.Context, *bench) (*Sample, error)

// changed is a run with other options.
func changed(r action, change func(*options)) action {
	return func(ctx context.Context, b *bench) (*Sample, error) { return r(ctx, b.with(change)) }
}

func thousand(r action) action { return changed(r, func(o *options) { o.Partitions = 1000 }) }
func single(r action) action   { return changed(r, func(o *options) { o.Partitions = 1 }) }
func small(r action) action    { return changed(r, func(o *options) { o.Record = 256 }) }

func atRate(rate int, linger time.Duration) action {
	return func(ctx context.Context, b *bench) (*Sample, error) { return openLoop(ctx, b, rate, linger) }
}
