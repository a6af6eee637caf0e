package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/troupe-mq/troupe/e2e/cluster"
)

// contestant is one of those that are compared.
type contestant struct {
	name     string
	flavor   cluster.Flavor
	settings map[string]string
}

func contestants(jars string) []contestant {
	return []contestant{
		{kafkaName, cluster.Kafka{Jars: jars, Stock: true}, nil},
		{troupeName, cluster.Troupe{}, nil},
		{flushedName, cluster.Kafka{Jars: jars, Stock: true}, map[string]string{"log.flush.interval.messages": "1"}},
	}
}

// versusOptions are the command line of a comparison.
type versusOptions struct {
	options
	Rounds int
	Plot   string
	Life   bool
	Who    []string
}

const versusHelp = `Runs the same programs against Apache Kafka and against Troupe, one cluster of three at a time, in turn, round after round, and prints what
Troupe does as a share of what Kafka does. Kafka runs with its defaults (acknowledged records lie in page caches) and with every batch
flushed before it is acknowledged (log.flush.interval.messages=1), as Troupe always does. Kafka is fetched from Maven Central on first use.

Rows come in groups. A group of rows run against each contestant in turn is a heat: each gets a cluster of its own on empty directories, warmed up
by the same number of bytes, and the order changes from heat to heat. So what is compared was measured in the same minutes and in the same state.

Rounds can be run in several sittings: with --json, what the file holds is kept and more is added to it, after every heat. Medians are over all of
them. SIGTERM ends it and leaves out the heat that was under way. A sitting may be as short as one group: --only and its rows.`

func versusCommand() *cobra.Command {
	o := versusOptions{}
	c := &cobra.Command{
		Use: "kafka", Short: "Compare with Apache Kafka, interleaved, and print ratios", Long: versusHelp, Args: cobra.NoArgs, SilenceUsage: true,
		Example: "  task bench:kafka\n  task bench:kafka -- --only flood,one --rounds 2\n  task bench:kafka -- --json docs/bench/kafka.json --plot docs/bench/kafka.svg",
		RunE: func(c *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			d, err := o.compare(ctx)
			if d != nil {
				d.print(c.OutOrStdout())
				err = errors.Join(err, d.plot(o.Plot))
			}
			return err
		},
	}
	f := c.Flags()
	o.addTo(c)
	f.IntVar(&o.Rounds, "rounds", 1, "how many heats of every group; 0 only prints what --json holds")
	f.StringVar(&o.JSON, "json", "", "add the heats to this file, each when it is over")
	f.StringVar(&o.Plot, "plot", "", "draw the ratios into this file (SVG)")
	f.BoolVar(&o.Life, "life", false, "compare forming a cluster, idle cost, many partitions and the loss of a node instead of throughput and latency")
	f.StringSliceVar(&o.Only, "only", nil, "only these rows: "+strings.Join(rowNames(allRows()), ", "))
	f.StringVar(&o.Profile, "profile", "", "with --who Troupe, write the nodes' CPU profiles of every row into this directory")
	f.StringSliceVar(&o.Who, "who", nil, `only these contestants, for work on a row: "`+strings.Join([]string{kafkaName, troupeName, flushedName}, `", "`)+`"`)
	return c
}

func rowNames(rows []row) (all []string) {
	for _, r := range rows {
		all = append(all, r.name)
	}
	return all
}

// begin opens the file with earlier rounds, or starts anew.
func (o *versusOptions) begin(ctx context.Context) (*Duel, error) {
	if err := o.validateCommon(); err != nil {
		return nil, err
	}
	for _, name := range o.Only {
		if !slices.Contains(rowNames(allRows()), name) {
			return nil, fmt.Errorf("--only %s: there is no such row", name)
		}
	}
	for _, who := range o.Who {
		if !slices.Contains([]string{kafkaName, troupeName, flushedName}, who) {
			return nil, fmt.Errorf("--who %s: there is no such contestant", who)
		}
	}
	if o.Profile != "" && !slices.Equal(o.Who, []string{troupeName}) {
		return nil, fmt.Errorf("--profile: only Troupe has such profiles, add --who %s", troupeName)
	}
	d := &Duel{Machine: machine(o.Dir)}
	if err := d.load(o.JSON); err != nil {
		return nil, fmt.Errorf("--json: %w", err)
	}
	if o.Rounds == 0 { // the file says with what it was measured, and how
		return d, nil
	}
	v, err := versions(o.Binary)
	if err != nil {
		return nil, err
	}
	d.Versions = map[string]string{"Troupe": v.Troupe, "Go": v.Go, "Apache Kafka": kafkaVersion, "Java": javaVersion(ctx), "client": v.Client}
	d.Settings = map[string]string{
		"cluster":   "three nodes on one machine, one cluster at a time, a fresh one for every group of rows; the clients share its cores",
		"topics":    "replication factor 3, min.insync.replicas 2",
		"producer":  fmt.Sprintf("acks=all, idempotent, records of %d random bytes round robin, batches up to %d KiB, %s a run", o.Record, o.Batch>>10, o.For),
		"Troupe":    "defaults: synced by a majority before it is acknowledged",
		"Kafka":     "defaults, KRaft with every node broker and controller, -Xmx1G and the start script's JVM options; not synced",
		flushedName: "the same with log.flush.interval.messages=1",
	}
	return d, nil
}
