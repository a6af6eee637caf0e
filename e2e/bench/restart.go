package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sys/unix"

	"github.com/troupe-mq/troupe/e2e/cluster"
)

const restartHelp = `Fills a cluster of one node, or of several that all hold everything, kills all nodes at once (SIGKILL) as soon as the last record is acknowledged,
starts them again, and measures from the start of the processes until they serve clients that were there before and look for them:

  ready         every node says at /readyz that it takes clients
  acknowledged  a record is acknowledged; all partitions: a record of every partition is
  fetched       a consumer has the first of what was written before

then once more with the kernel's page cache emptied before the start (as root). The goal is 3 s for 10 GB in 1,000 partitions. What was written is
deleted behind it.`

// Restart is what was measured of a cluster that was killed.
type Restart struct {
	Machine    Machine        `json:"machine"`
	Versions   Versions       `json:"versions"`
	Nodes      int            `json:"nodes"`
	Partitions int32          `json:"partitions"`
	Bytes      int64          `json:"bytes"`        // of values, on every node
	Filling    float64        `json:"fill_seconds"` // it took to write them
	Starts     []*restartFrom `json:"starts"`
}

// restartFrom are the seconds from a start until something was so.
type restartFrom struct {
	Pages        string  `json:"pages"` // kept or forgotten by the kernel
	Ready        float64 `json:"ready_seconds"`
	Acknowledged float64 `json:"acknowledged_seconds"`
	All          float64 `json:"all_partitions_acknowledged_seconds"`
	Fetched      float64 `json:"fetched_seconds"`
	Resident     float64 `json:"resident_mib"`
}

func (s *restartFrom) serving() float64 { return max(s.Ready, s.Acknowledged, s.Fetched) }

func restartCommand() *cobra.Command {
	o := options{}
	var gibs float64
	var nodes int
	c := &cobra.Command{
		Use: "restart", Short: "How long nodes that were killed with much on disk take until they serve again", Long: restartHelp, Args: cobra.NoArgs, SilenceUsage: true,
		Example: "  task bench:restart\n  task bench:restart -- --gib 2 --nodes 3",
		RunE: func(c *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			r, err := restart(ctx, &o, nodes, int64(gibs*gib))
			if err != nil {
				return err
			}
			r.print(c.OutOrStdout())
			return save(o.JSON, r)
		},
	}
	f := c.Flags()
	o.addTo(c)
	o.Partitions, f.Lookup("partitions").DefValue = 1000, "1000"
	f.Float64Var(&gibs, "gib", 10e9/gib, "GiB of values on every node; the default is 10 GB")
	f.IntVar(&nodes, "nodes", 1, "nodes, each of which holds everything: replication factor 1 or 3")
	f.StringVar(&o.JSON, "json", "", "also write the figures to this file")
	return c
}

// restartLinger lets batches grow while the nodes are filled: what a client may hold back is shared
// by many partitions.
const restartLinger = 20 * time.Millisecond

func restart(ctx context.Context, o *options, nodes int, bytes int64) (*Restart, error) {
	if err := o.validateCommon(); err != nil {
		return nil, err
	}
	if nodes != 1 && nodes != 3 || bytes < 1 {
		return nil, fmt.Errorf("--nodes is 1 or 3, and --gib more than 0")
	}
	if err := room(o.Dir, int64(nodes)*bytes); err != nil {
		return nil, err
	}
	os.Setenv("E2E_BIN", o.Binary)
	os.Setenv("TMPDIR", o.Dir)
	r := &Restart{Machine: machine(o.Dir), Nodes: nodes, Partitions: o.Partitions}
	var err error
	if r.Versions, err = versions(o.Binary); err != nil {
		return nil, err
	}
	err = guarded(func(h *host) error {
		err := r.measure(ctx, newBench(o, cluster.New(h, nodes, cluster.NoVerify())), bytes)
		if ctx.Err() != nil {
			return nil // of what failed the data is kept, and this is nobody's failure
		}
		return err
	})
	return r, errors.Join(err, ctx.Err())
}

func (r *Restart) measure(ctx context.Context, b *bench, bytes int64) error {
	b.start()
	say("writing %.1f GiB to %d partitions", float64(bytes)/gib, b.Partitions)
	s, err := floods(ctx, b, 1, restartLinger, func(_ time.Duration, sent int) bool { return int64(sent)*int64(b.Record) < bytes })
	if err != nil {
		return err
	}
	r.Bytes, r.Filling = s.Bytes, s.Seconds
	say("%.0f s, %.0f MiB/s", s.Seconds, s.mibPerSec())
	starts := []bool{false, true}
	if os.Geteuid() != 0 {
		say("only root can empty the page cache: there is no start without it")
		starts = starts[:1]
	}
	for _, forget := range starts {
		start, err := b.restart(ctx, forget)
		if err != nil {
			return err
		}
		r.Starts = append(r.Starts, start)
		say("pages %s: serving after %.2f s", start.Pages, start.serving())
	}
	return nil
}

// room returns an error if a directory has none for so many bytes of values and what the nodes
// write beside them.
func room(dir string, bytes int64) error {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return err
	}
	free, need := int64(s.Bavail)*int64(s.Bsize), bytes+bytes/8+2*gib
	if free < need {
		return fmt.Errorf("%s has %.1f GiB free, and this writes up to %.1f: make room, choose a directory on a larger disk (--dir), or write less (--gib, --nodes)",
			dir, float64(free)/gib, float64(need)/gib)
	}
	return nil
}

// restart kills all nodes and starts them again, with clients that wait for them.
func (b *bench) restart(ctx context.Context, forget bool) (*restartFrom, error) {
	s := &restartFrom{Pages: "kept"}
	for _, n := range b.cluster.Nodes {
		n.Kill()
	}
	if forget {
		s.Pages = "forgotten"
		if err := forgetPages(); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, consumeWithin)
	defer cancel()
	base := append(cluster.ClientOptions(b.cluster.Seeds()...), kgo.RecordRetries(1<<20), kgo.DefaultProduceTopic(b.flooded.topic))
	producer, err := b.client(append(base, kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		return nil, err
	}
	defer producer.Close()
	consumer, err := b.client(append(base, kgo.ConsumeTopics(b.flooded.topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
	if err != nil {
		return nil, err
	}
	defer consumer.Close()
	begin := time.Now()
	for _, n := range b.cluster.Nodes {
		n.Start()
	}
	acked := make(chan error, 1)
	go func() { acked <- b.acknowledged(ctx, producer, s, begin) }()
	fetched := make(chan error, 1)
	go func() { fetched <- firstFetched(ctx, consumer, s, begin) }()
	b.cluster.WaitReady()
	s.Ready = time.Since(begin).Seconds()
	for _, c := range []chan error{acked, fetched} {
		if err := <-c; err != nil {
			return nil, err
		}
	}
	usages, err := b.usages()
	for _, u := range usages {
		s.Resident = max(s.Resident, float64(u.Resident)/mib)
	}
	return s, err
}

// acknowledged produces a record to every partition and notes when the first and the last of them
// was acknowledged.
func (b *bench) acknowledged(ctx context.Context, cl *kgo.Client, s *restartFrom, begin time.Time) error {
	took := make(chan time.Duration, b.Partitions)
	first := firstError{}
	for p := range b.Partitions {
		cl.Produce(ctx, &kgo.Record{Partition: p, Value: b.payload.next()}, func(_ *kgo.Record, err error) {
			if err != nil {
				first.set(err)
				return
			}
			took <- time.Since(begin)
		})
	}
	if err := cl.Flush(ctx); err != nil {
		return err
	}
	if err := first.get(); err != nil {
		return err
	}
	close(took)
	var all []time.Duration
	for t := range took {
		all = append(all, t)
	}
	s.Acknowledged, s.All = slices.Min(all).Seconds(), slices.Max(all).Seconds()
	return nil
}

// firstFetched notes when a consumer has a record.
func firstFetched(ctx context.Context, cl *kgo.Client, s *restartFrom, begin time.Time) error {
	for {
		fetches := cl.PollFetches(ctx)
		if fetches.NumRecords() > 0 {
			s.Fetched = time.Since(begin).Seconds()
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("nothing was fetched: %w", ctx.Err())
		}
	}
}

const restartGoal = 3.0 // seconds, for 10 GB in 1,000 partitions

// print writes a line for each start.
func (r *Restart) print(w io.Writer) {
	fmt.Fprintf(w, "troupe %s, %s; %s, %d cores, %s, Linux %s, %s; load %s\n", r.Versions.Troupe, r.Versions.Go, r.Machine.CPU, r.Machine.Cores,
		r.Machine.Memory, r.Machine.Kernel, r.Machine.FileSystem, r.Machine.Load)
	fmt.Fprintf(w, "kill -9 of %d of %d nodes with %.1f GiB in %d partitions each (written in %.0f s), seconds from the start; goal: serving within %g\n\n",
		r.Nodes, r.Nodes, float64(r.Bytes)/gib, r.Partitions, r.Filling, restartGoal)
	t := table(w)
	fmt.Fprintln(t, strings.Join([]string{"pages", "ready", "acknowledged", "all partitions", "fetched", "serving", "resident MiB", ""}, "\t"))
	for _, s := range r.Starts {
		fmt.Fprintf(t, "%s\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.0f\t\n", s.Pages, s.Ready, s.Acknowledged, s.All, s.Fetched, s.serving(), s.Resident)
	}
	t.Flush()
}
