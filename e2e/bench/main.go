// Command bench measures a real cluster: three processes of bin/troupe on this machine, replication
// factor 3, acks=all, synced before it is acknowledged, driven by franz-go from this process. It is
// not a test: it compares nothing with a limit.
//
// A measurement (flood, rate, …) is a function from a bench to a Sample; measure puts around it
// what the nodes used and where the time of their produce requests went; a Report holds all of it
// with the machine, the versions and the settings it is true for.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/troupe-mq/troupe/e2e/cluster"
)

const help = `Starts three nodes on this machine in a temporary directory and measures them with franz-go: replication factor 3,
acks=all, idempotent, every acknowledged record synced to disk by a majority. Progress goes to stderr, the result to stdout.

What is measured (--only picks some, --runs says how often, medians are shown):

  flood          as much as the cluster takes: records round robin over --partitions, batches up to --batch, no linger
  flood-linger   the same with 5 ms of linger
  consume        what flood wrote, from the start, with one client (from the page cache if it fits)
  rate           open loop: --rates records a second whether answers come or not; a latency counts from when its record
                 was due, so that a stall shows in all records that it held up (no coordinated omission)
  one            one record at a time, the next when the last is acknowledged, one partition
  end-to-end     open loop at 1,000 a second, from when a record was due until a consumer has it

Before them, in the same directory: what the disk does with append + fdatasync, and a loopback round trip. Read results as
ratios to these. The clients share the machine's cores with the nodes: their CPU time is shown too.

"Where the time goes" adds up what the nodes tell at /debug/stages over all runs of a measurement:

  check      request read → its batches are checked and sent to the actors
  queue      → the actor's turn takes it (it waits for the turns before)
  stage      → its entries are with the followers' links and the journal
  wait       → the journal begins the transaction (it waits for the sync before; all writes of a node, followers' too)
  sync       → the transaction is durable (group_writes, group_bytes: what shares one)
  replicate  → committed: what the other node of the majority took longer, and the way there and back
  apply      → the actor has answered
  answer     → written to the socket
  request    all of it, as the server sees it`

// options are the command line.
type options struct {
	Binary     string        `json:"-"`
	Dir        string        `json:"-"`
	Runs       int           `json:"runs"`
	For        time.Duration `json:"run_ns"`
	Rates      []int         `json:"rates"`
	Only       []string      `json:"only,omitempty"`
	Partitions int32         `json:"partitions"`
	Record     int           `json:"record_bytes"`
	Batch      int32         `json:"batch_bytes"`
	Codec      string        `json:"codec,omitempty"` // of the producers, none if empty
	JSON       string        `json:"-"`
	Profile    string        `json:"-"`
	Set        []string      `json:"set,omitempty"` // settings of the nodes, name=value
}

func command() *cobra.Command {
	o := options{}
	c := &cobra.Command{
		Use: "bench", Short: "Throughput and latency of produce and fetch on a cluster of three, and where the time goes", Long: help,
		Example:      "  task bench\n  task bench -- --only flood,one --runs 5\n  task bench -- --json before.json --profile /tmp/profiles",
		Args:         cobra.NoArgs,
		SilenceUsage: true,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.validate(); err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			r, err := run(ctx, &o)
			if err != nil {
				return err
			}
			r.print(c.OutOrStdout())
			return save(o.JSON, r)
		},
	}
	f := c.Flags()
	o.addTo(c)
	f.IntVar(&o.Runs, "runs", 3, "how often each measurement is repeated")
	f.IntSliceVar(&o.Rates, "rates", []int{2000, 8000, 20000}, "records a second of the open loops")
	f.StringSliceVar(&o.Only, "only", nil, "measure only these: "+strings.Join(names(), ", "))
	f.StringVar(&o.JSON, "json", "", "also write the whole result, every run and every histogram, to this file")
	f.StringArrayVar(&o.Set, "set", nil, "name=value, a setting of every node, to compare with and without it")
	f.StringVar(&o.Codec, "compression", "", "codec of the producers (gzip, snappy, lz4 or zstd), whose values then compress to about a half, as log lines do; none by default")
	f.StringVar(&o.Profile, "profile", "", "write the nodes' CPU profiles of the first run of each measurement into this directory")
	c.AddCommand(versusCommand(), scaleCommand(), restartCommand())
	return c
}

// settings are what --set says, as the cluster takes it.
func (o *options) settings() (all []cluster.Option) {
	for _, s := range o.Set {
		name, value, _ := strings.Cut(s, "=")
		all = append(all, cluster.Set(name, value))
	}
	return all
}

// addTo adds the flags that all commands have.
func (o *options) addTo(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&o.Binary, "binary", "bin/troupe", "the server to measure")
	f.StringVar(&o.Dir, "dir", os.TempDir(), "where the temporary directory is made: choose the disk to measure")
	f.DurationVar(&o.For, "for", 6*time.Second, "how long one run goes")
	f.Int32Var(&o.Partitions, "partitions", 16, "partitions of the topics (one: always one)")
	f.IntVar(&o.Record, "record", 1024, "bytes of a record's value, incompressible unless --compression is given")
	f.Int32Var(&o.Batch, "batch", 128<<10, "most bytes of a record batch")
}

func (o *options) validate() error {
	for _, name := range o.Only {
		if !slices.Contains(names(), name) {
			return fmt.Errorf("--only %s: there are %s", name, strings.Join(names(), ", "))
		}
	}
	switch {
	case o.Codec != "" && codecs[o.Codec] == nil:
		return fmt.Errorf("--compression %s: there are gzip, snappy, lz4 and zstd", o.Codec)
	case o.Runs < 1:
		return fmt.Errorf("--runs: at least one is needed")
	case slices.ContainsFunc(o.Rates, func(r int) bool { return r < 1 }):
		return fmt.Errorf("--rates: a rate is at least 1 a second")
	}
	return o.validateCommon()
}

// validateCommon checks the flags that all commands have.
func (o *options) validateCommon() error {
	if o.For < time.Second || o.Partitions < 1 || o.Record < timeBytes {
		return fmt.Errorf("a run of a second, one partition and records of %d bytes are needed at least", timeBytes)
	}
	if _, err := os.Stat(o.Binary); err != nil {
		return fmt.Errorf("--binary: %w (task build makes bin/troupe)", err)
	}
	return nil
}

// wanted reports whether a measurement is to be made.
func (o *options) wanted(name string) bool { return len(o.Only) == 0 || slices.Contains(o.Only, name) }

func main() {
	if err := command().Execute(); err != nil {
		os.Exit(1)
	}
}
