package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/troupe-mq/troupe/e2e/cluster"
)

// bench is a running cluster and what is to be measured of it.
type bench struct {
	*options
	cluster *cluster.Cluster
	payload *payload
	topics  *int   // made so far
	flooded *flood // what consume reads
}

func newBench(o *options, c *cluster.Cluster) *bench {
	return &bench{options: o, cluster: c, payload: newPayload(o.Record, o.Codec != ""), topics: new(int), flooded: new(flood)}
}

// with is the same bench with other options.
func (b *bench) with(change func(*options)) *bench {
	other, o := *b, *b.options
	change(&o)
	other.options = &o
	if o.Record != b.Record {
		other.payload = newPayload(o.Record, o.Codec != "")
	}
	return &other
}

// measurement is one kind of run.
type measurement struct {
	name string // for --only
	// plan returns what to run, by title.
	plan func(*options) []planned
}

type planned struct {
	title string
	run   func(context.Context, *bench) (*Sample, error)
}

var measurements = []measurement{
	{"flood", func(o *options) []planned { return []planned{{"flood", flooding(0)}} }},
	{"consume", func(o *options) []planned { return []planned{{"consume", consume}} }},
	{"flood-linger", func(o *options) []planned {
		return []planned{{"flood, 5 ms linger", flooding(5 * time.Millisecond)}}
	}},
	{"rate", rates},
	{"one", func(*options) []planned { return []planned{{"one at a time", oneByOne}} }},
	{"end-to-end", func(*options) []planned { return []planned{{"end to end, 1000/s", endToEnd}} }},
}

func names() (all []string) {
	for _, m := range measurements {
		all = append(all, m.name)
	}
	return all
}

// run makes all measurements that are wanted.
func run(ctx context.Context, o *options) (*Report, error) {
	r, err := newReport(o)
	if err != nil {
		return nil, err
	}
	os.Setenv("E2E_BIN", o.Binary)
	os.Setenv("TMPDIR", o.Dir)
	say("measuring the disk under %s and the loopback", o.Dir)
	if r.Raw, err = measureRaw(ctx, o.Dir); err != nil {
		return nil, err
	}
	err = guarded(func(h *host) error {
		say("starting three nodes of %s", o.Binary)
		c := cluster.Start(h, 3, append(o.settings(), cluster.NoVerify())...)
		b := newBench(o, c)
		return b.all(ctx, r)
	})
	return r, err
}

func (b *bench) all(ctx context.Context, r *Report) error {
	if err := b.warmUp(ctx); err != nil {
		return err
	}
	for _, m := range measurements {
		if !b.wanted(m.name) {
			continue
		}
		for _, p := range m.plan(b.options) {
			result, err := b.repeat(ctx, p)
			if err != nil {
				return fmt.Errorf("%s: %w", p.title, err)
			}
			r.Results = append(r.Results, result)
		}
	}
	return nil
}

// repeat runs a measurement as often as asked.
func (b *bench) repeat(ctx context.Context, p planned) (*Result, error) {
	result := &Result{Name: p.title}
	for i := range b.Runs {
		s, err := b.measure(ctx, p, i == 0 && b.Profile != "")
		if err != nil {
			return nil, err
		}
		say("%-22s run %d of %d: %s", p.title, i+1, b.Runs, s)
		result.Runs = append(result.Runs, s)
	}
	result.summarize()
	return result, nil
}

// What clusters are warmed up with. Bytes and records, and no time: whoever is faster would have
// used more memory up.
const (
	warmUpBytes   = 256 << 20
	warmUpRecords = 400_000
	warmUpRate    = 50_000
)

// warmUp has connections made, files created and code paged in before anything counts.
func (b *bench) warmUp(ctx context.Context) error {
	say("  warming up")
	_, err := floods(ctx, b, 1, 0, func(_ time.Duration, sent int) bool { return sent*b.Record < warmUpBytes })
	return err
}

// warmUpLong also has a JVM compile what it runs most, which takes requests and time more than
// bytes: small records at a rate that all contestants sustain.
func (b *bench) warmUpLong(ctx context.Context) error {
	if err := b.warmUp(ctx); err != nil {
		return err
	}
	_, err := openLoop(ctx, b.with(func(o *options) { o.Record, o.For = 256, warmUpRecords*time.Second/warmUpRate }), warmUpRate, 5*time.Millisecond)
	return err
}

// topic makes a topic of its own for a run.
func (b *bench) topic(partitions int32) string {
	*b.topics++
	name := fmt.Sprintf("bench-%d", *b.topics)
	b.cluster.CreateTopic(name, partitions, int16(min(3, len(b.cluster.Nodes))))
	return name
}

// client is a franz-go client as an application would have it, but for what the options say.
func (b *bench) client(options ...kgo.Opt) (*kgo.Client, error) {
	base := []kgo.Opt{
		kgo.SeedBrokers(b.cluster.Seeds()...),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerBatchCompression(b.compression()),
		kgo.ProducerBatchMaxBytes(b.Batch),
		kgo.ProducerLinger(0),
		kgo.RecordPartitioner(kgo.RoundRobinPartitioner()),
		kgo.MaxBufferedRecords(32 << 10),
	}
	return kgo.NewClient(append(base, options...)...)
}
