package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/troupe-mq/troupe/e2e/cluster"
)

// named reads a figure that the run worked out itself.
func named(name string) func(*Sample) float64 {
	return func(s *Sample) float64 { return s.Figures[name] }
}

// rowsOfLife compare what happens to a cluster apart from load. The first starts it.
var rowsOfLife = []row{
	{"form", form, []figure{
		{"three empty directories → first acknowledged write", "s", named("form"), false, []goal{{"", 1.5}}},
		{"resident memory of an idle node", "MiB", named("idle_resident"), false, []goal{{"", 60}}},
		{"processor time of an idle node, 16 replicas", "%", named("idle_cpu"), false, []goal{{"", 1}}},
	}},
	{"crowd", crowd(1000), []figure{
		{"the partitions (1,000): created and in sync", "s", named("create"), false, nil},
		{"  resident memory of a node", "MiB", named("resident"), false, []goal{{"", 200}}},
		{"  of it anonymous", "MiB", named("anonymous"), false, nil},
		{"  processor time of an idle node", "%", named("cpu"), false, []goal{{"", 3}}},
		{"  1,000 records/s: p50", "ms", named("p50"), false, nil},
		{"  p99", "ms", named("p99"), false, nil},
		{"  kill -9 of a node: median of the longest gaps of its partitions", "ms", named("gap_p50"), false, nil},
		{"  p99 of them", "ms", named("gap_p99"), false, []goal{{"", 1000}}},
		{"  longest", "ms", named("gap_max"), false, nil},
		{"  partitions of other leaders with a gap", "", named("gap_others"), false, []goal{{"", 0}}},
		{"  restart → ready", "s", named("restart"), false, nil},
	}},
}

// form starts nodes on empty directories and waits for the first write that all three hold, then
// looks how idle they are.
func form(ctx context.Context, b *bench) (*Sample, error) {
	for _, n := range b.cluster.Nodes {
		n.Prepare()
	}
	begin := time.Now()
	for _, n := range b.cluster.Nodes {
		n.Start()
	}
	cl, err := kgo.NewClient(append(cluster.ClientOptions(b.cluster.Seeds()...), kgo.AllowAutoTopicCreation(), kgo.DefaultProduceTopic("first"))...)
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	b.cluster.WaitReady()
	b.cluster.CreateTopic("first", 1, 3)
	if err := cl.ProduceSync(ctx, kgo.StringRecord("first")).FirstErr(); err != nil {
		return nil, err
	}
	s := &Sample{Seconds: time.Since(begin).Seconds(), Figures: map[string]float64{"form": time.Since(begin).Seconds()}}
	b.topic(15)
	idle, err := b.idle(ctx)
	if err != nil {
		return nil, err
	}
	s.Figures["idle_resident"], s.Figures["idle_cpu"] = idle.resident, idle.cpu
	return s, nil
}

// idling is what a node uses while nobody asks anything of it: the largest of the three.
type idling struct{ resident, anonymous, cpu float64 }

const (
	settleFor = 3 * time.Second
	idleFor   = 5 * time.Second
)

// idle watches the nodes for a while.
func (b *bench) idle(ctx context.Context) (i idling, err error) {
	pause(ctx, settleFor)
	before, err := b.usages()
	if err != nil {
		return i, err
	}
	pause(ctx, idleFor)
	after, err := b.usages()
	for k := range after {
		i.resident = max(i.resident, float64(after[k].Resident)/mib)
		i.anonymous = max(i.anonymous, float64(after[k].Anonymous)/mib)
		i.cpu = max(i.cpu, (after[k].CPU-before[k].CPU)/idleFor.Seconds()*100)
	}
	return i, err
}

func (b *bench) usages() (all []Usage, err error) {
	for _, n := range b.cluster.Running() {
		u, err := readUsage(n.Pid())
		if err != nil {
			return nil, err
		}
		all = append(all, u)
	}
	return all, nil
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// crowd makes a topic of n partitions and looks what it costs, how quickly it answers, and what
// becomes of it when a node is killed.
func crowd(n int32) action {
	return func(ctx context.Context, b *bench) (*Sample, error) {
		f := map[string]float64{}
		b = b.with(func(o *options) { o.Partitions = n })
		begin := time.Now()
		topic := b.topic(n)
		f["create"] = time.Since(begin).Seconds()
		idle, err := b.idle(ctx)
		if err != nil {
			return nil, err
		}
		f["resident"], f["anonymous"], f["cpu"] = idle.resident, idle.anonymous, idle.cpu
		say("    created in %.1f s, then %.0f MiB (%.0f anonymous) and %.1f %% of a core a node", f["create"], idle.resident, idle.anonymous, idle.cpu)
		load, err := b.steady(ctx, topic, 1000, max(b.For, twice(n)), func() {})
		if err != nil {
			return nil, err
		}
		l := latencyOf(load.all())
		f["p50"], f["p99"] = l.P50, l.P99
		say("    1,000/s: p50 %.1f p99 %.1f ms", l.P50, l.P99)
		if err := b.kill(ctx, topic, f); err != nil {
			return nil, err
		}
		say("    gaps of the dead node's partitions: p50 %.0f p99 %.0f longest %.0f ms; %.0f others have one", f["gap_p50"], f["gap_p99"], f["gap_max"], f["gap_others"])
		begin = time.Now()
		b.cluster.Nodes[0].Restart()
		f["restart"] = time.Since(begin).Seconds()
		return &Sample{Seconds: b.For.Seconds(), Figures: f}, nil
	}
}

// twice is how long 1,000 records a second take to reach each partition twice.
func twice(n int32) time.Duration { return 2 * time.Duration(n) * time.Millisecond }

// gapFrom is from which latency on a partition counts as having had a gap.
const gapFrom = 500 * time.Millisecond

// kill ends a node under load. A partition's gap is the longest that one of its records waited.
func (b *bench) kill(ctx context.Context, topic string, f map[string]float64) error {
	led := map[int32]bool{}
	t, err := b.cluster.Nodes[1].Topic(ctx, topic)
	if err != nil {
		return err
	}
	for _, p := range t.Partitions {
		led[p.Partition] = p.Leader == b.cluster.Nodes[0].ID
	}
	load, err := b.steady(ctx, topic, 4000, killAfter+20*time.Second, func() { b.cluster.Nodes[0].Kill() })
	if err != nil {
		return err
	}
	var gaps []time.Duration
	for p, all := range load {
		longest := slices.Max(all)
		if led[p] {
			gaps = append(gaps, longest)
		} else if longest > gapFrom {
			f["gap_others"]++
		}
	}
	l := latencyOf(gaps)
	f["gap_p50"], f["gap_p99"], f["gap_max"] = l.P50, l.P99, l.Max
	return nil
}

// waits are how long records waited, by partition.
type waits map[int32][]time.Duration

func (w waits) all() (all []time.Duration) {
	for _, some := range w {
		all = append(all, some...)
	}
	return all
}

const killAfter = 2 * time.Second

// steady produces to all partitions in turn at a rate, with a client that looks for a new leader at
// once; event happens a while after it began.
func (b *bench) steady(ctx context.Context, topic string, rate int, long time.Duration, event func()) (waits, error) {
	cl, err := b.client(append(cluster.ClientOptions(b.cluster.Seeds()...), kgo.DefaultProduceTopic(topic), kgo.MaxBufferedRecords(1<<20),
		kgo.RecordRetries(1000))...)
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	if err := connect(ctx, cl, b); err != nil {
		return nil, err
	}
	var mu sync.Mutex
	got := waits{}
	first := firstError{}
	begin, happened := time.Now(), false
	err = pace(ctx, rate, long, func(due time.Time) {
		if !happened && due.Sub(begin) > killAfter {
			happened = true
			event()
		}
		cl.Produce(ctx, &kgo.Record{Value: b.payload.next()}, func(r *kgo.Record, err error) {
			took := time.Since(due)
			if err != nil {
				first.set(err)
				return
			}
			mu.Lock()
			got[r.Partition] = append(got[r.Partition], took)
			mu.Unlock()
		})
	})
	if err == nil {
		err = cl.Flush(ctx)
	}
	if err == nil {
		err = first.get()
	}
	if err == nil && len(got) < int(b.Partitions) {
		err = fmt.Errorf("records reached %d of %d partitions", len(got), b.Partitions)
	}
	return got, err
}
