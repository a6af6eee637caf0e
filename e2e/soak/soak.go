package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/troupe-mq/troupe/e2e/cluster"
	"github.com/troupe-mq/troupe/e2e/program"
)

const topic = "soak"

// recordOverhead is about what a record takes of a batch beside its value.
const recordOverhead = 10

// soaking is a soak under way.
type soaking struct {
	config
	t     testing.TB
	c     *cluster.Cluster
	acked atomic.Int64 // records
	fault atomic.Pointer[error]

	// samples, for the logs' starts and ends were not told: a leader was being elected
	missed int
	ratios []float64 // of the worst node, sample by sample once what is kept was written twice
}

func soak(ctx context.Context, t testing.TB, c config) error {
	s := &soaking{config: c, t: t}
	s.c = cluster.Start(t, c.nodes, cluster.Set("log.retention.check.interval.ms", "1000"))
	keep := strconv.FormatInt(c.retainMiB<<20, 10)
	created, err := s.c.Admin().CreateTopic(ctx, int32(c.partitions), int16(min(c.nodes, 3)), map[string]*string{"retention.bytes": &keep}, topic)
	if err != nil || created.Err != nil {
		return fmt.Errorf("create the topic: %w %w", err, created.Err)
	}
	s.c.WaitInSync(topic)
	ctx, cancel := context.WithTimeout(ctx, c.length)
	defer cancel()
	written := make(chan struct{})
	go func() { defer close(written); s.write(ctx) }()
	begin, before := time.Now(), s.devices()
	for tick := time.NewTicker(c.every); ctx.Err() == nil; {
		select {
		case <-tick.C:
			s.sample()
		case <-ctx.Done():
			tick.Stop()
		}
	}
	<-written
	if err := s.fault.Load(); err != nil {
		return *err
	}
	return s.report(time.Since(begin), s.devices()-before)
}

// write sends records to all partitions in turn until the time is up.
func (s *soaking) write(ctx context.Context) {
	cl := s.c.Client(kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.ProducerLinger(5*time.Millisecond), kgo.MaxBufferedRecords(20_000))
	value := make([]byte, s.valueBytes)
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(value) // never fails
	begin := time.Now()
	for i := 0; ctx.Err() == nil; i++ {
		s.pace(ctx, begin, i)
		cl.Produce(ctx, &kgo.Record{Topic: topic, Partition: int32(i % s.partitions), Value: value}, func(_ *kgo.Record, err error) {
			switch {
			case err == nil:
				s.acked.Add(1)
			case ctx.Err() == nil:
				s.fault.CompareAndSwap(nil, &err)
			}
		})
	}
	_ = cl.Flush(context.Background()) // what is left is not counted on
}

// pace waits until record i may be sent.
func (s *soaking) pace(ctx context.Context, begin time.Time, i int) {
	if s.rateMiB == 0 {
		return
	}
	due := begin.Add(time.Duration(float64(i*s.valueBytes) / (s.rateMiB * (1 << 20)) * float64(time.Second)))
	if wait := time.Until(due); wait > 10*time.Millisecond {
		t := time.NewTimer(wait)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
		}
	}
}

// sample looks at the disks.
func (s *soaking) sample() {
	live, err := s.live()
	if err != nil {
		s.missed++
		program.Say("no sample: %v", err)
		return
	}
	worst, line := 0.0, ""
	for _, n := range s.c.Nodes {
		used := diskBytes(n.Data())
		worst = max(worst, float64(used)/float64(live))
		line += fmt.Sprintf(" node %d %d MiB", n.ID, used>>20)
	}
	sent := s.acked.Load() * int64(s.valueBytes)
	program.Say("%d MiB acknowledged, %d MiB live,%s: %.2f times", sent>>20, live>>20, line, worst)
	if sent > 2*int64(s.partitions)*s.retainMiB<<20 {
		s.ratios = append(s.ratios, worst)
	}
}

// live is how many bytes the logs hold.
func (s *soaking) live() (n int64, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	starts, err := s.c.Admin().ListStartOffsets(ctx, topic)
	if err != nil {
		return 0, fmt.Errorf("list the starts of the logs: %w", err)
	}
	ends, err := s.c.Admin().ListEndOffsets(ctx, topic)
	if err != nil {
		return 0, fmt.Errorf("list the ends of the logs: %w", err)
	}
	for p := range int32(s.partitions) {
		start, _ := starts.Lookup(topic, p)
		end, _ := ends.Lookup(topic, p)
		n += (end.Offset - start.Offset) * int64(s.valueBytes+recordOverhead)
	}
	return max(n, 1), nil
}

// devices is how much the nodes' processes have had written to devices.
func (s *soaking) devices() (n int64) {
	for _, node := range s.c.Nodes {
		n += writtenBytes(node.Pid())
	}
	return n
}

func (s *soaking) report(took time.Duration, device int64) error {
	records := s.acked.Load()
	sent := float64(records * int64(s.valueBytes))
	program.Say("%d records of %d bytes in %s: %.1f MiB/s acknowledged", records, s.valueBytes, took.Round(time.Second), sent/(1<<20)/took.Seconds())
	program.Say("write amplification: %.2f bytes to the device for each that a replica was sent", float64(device)/(sent*float64(min(s.nodes, 3))))
	if len(s.ratios) == 0 {
		return fmt.Errorf("what is kept (%d MiB) was not even written twice: soak longer or retain less", int64(s.partitions)*s.retainMiB)
	}
	if s.missed > len(s.ratios)/10 {
		return fmt.Errorf("%d samples are missing, beside %d", s.missed, len(s.ratios))
	}
	slices.Sort(s.ratios)
	most := s.ratios[len(s.ratios)-1]
	program.Say("disk: at most %.2f times of what is live, %.2f in the middle of %d samples", most, s.ratios[len(s.ratios)/2], len(s.ratios))
	if most > s.most {
		return fmt.Errorf("a disk took %.2f times of what is live, at most %.2f are allowed", most, s.most)
	}
	return nil
}
