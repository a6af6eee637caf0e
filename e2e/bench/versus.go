package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

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

Rounds can be run in several sittings: with --json, what the file holds is kept and more rounds are added to it. Medians are over all of them.`

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
				err = errors.Join(err, d.save(o.JSON), d.plot(o.Plot))
			}
			return err
		},
	}
	f := c.Flags()
	o.addTo(c)
	f.IntVar(&o.Rounds, "rounds", 1, "how often everybody has a turn; 0 only prints what --json holds")
	f.StringVar(&o.JSON, "json", "", "add the rounds to this file")
	f.StringVar(&o.Plot, "plot", "", "draw the ratios into this file (SVG)")
	f.BoolVar(&o.Life, "life", false, "compare forming a cluster, idle cost, many partitions and the loss of a node instead of throughput and latency")
	f.StringSliceVar(&o.Only, "only", nil, "only these rows: "+strings.Join(rowNames(slices.Concat(rowsOfLoad, rowsOfLife)), ", "))
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

// Duel is everything that a comparison measured.
type Duel struct {
	Machine  Machine           `json:"machine"`
	Versions map[string]string `json:"versions"`
	Settings map[string]string `json:"settings"`
	Turns    []*Turn           `json:"turns"`
}

// Turn is one contestant's part of a round.
type Turn struct {
	When       time.Time          `json:"when"`
	Contestant string             `json:"contestant"`
	Load       string             `json:"load"` // averages of the machine before it began: who else was at work
	Raw        Raw                `json:"raw"`
	Samples    map[string]*Sample `json:"samples"` // by row
}

func (o *versusOptions) rows() (rows []row) {
	all := rowsOfLoad
	if o.Life {
		all = rowsOfLife
	}
	for _, r := range all {
		if o.wanted(r.name) {
			rows = append(rows, r)
		}
	}
	return rows
}

// compare runs the rounds. What was measured before an error is returned too.
func (o *versusOptions) compare(ctx context.Context) (*Duel, error) {
	d, err := o.begin(ctx)
	if err != nil {
		return nil, err
	}
	jars, err := kafkaJars(ctx)
	if err != nil {
		return nil, err
	}
	os.Setenv("E2E_BIN", o.Binary)
	os.Setenv("TMPDIR", o.Dir)
	var failed []error
	for i := range o.Rounds {
		for _, c := range contestants(jars) {
			if len(o.Who) > 0 && !slices.Contains(o.Who, c.name) {
				continue
			}
			say("round %d of %d: %s", i+1, o.Rounds, c.name)
			turn, err := o.turn(ctx, c)
			if len(turn.Samples) > 0 {
				d.Turns = append(d.Turns, turn)
			}
			if err != nil { // what a contestant could not do is missing from its turn, and the others have theirs
				failed = append(failed, fmt.Errorf("%s: %w", c.name, err))
			}
			if ctx.Err() != nil {
				return d, errors.Join(failed...)
			}
		}
	}
	return d, errors.Join(failed...)
}

// begin opens the file with earlier rounds, or starts anew.
func (o *versusOptions) begin(ctx context.Context) (*Duel, error) {
	if err := o.validateCommon(); err != nil {
		return nil, err
	}
	for _, name := range o.Only {
		if !slices.Contains(rowNames(slices.Concat(rowsOfLoad, rowsOfLife)), name) {
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
	v, err := versions(o.Binary)
	if err != nil {
		return nil, err
	}
	d := &Duel{Machine: machine(o.Dir)}
	if o.JSON != "" {
		text, err := os.ReadFile(o.JSON)
		if err == nil {
			err = json.Unmarshal(text, d)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("--json: %w", err)
		}
	}
	d.Versions = map[string]string{"Troupe": v.Troupe, "Go": v.Go, "Apache Kafka": kafkaVersion, "Java": javaVersion(ctx), "client": v.Client}
	d.Settings = map[string]string{
		"cluster":   "three nodes on one machine, one cluster at a time; the clients share its cores",
		"topics":    "replication factor 3, min.insync.replicas 2",
		"producer":  fmt.Sprintf("acks=all, idempotent, records of %d random bytes round robin, batches up to %d KiB, %s a run", o.Record, o.Batch>>10, o.For),
		"Troupe":    "defaults: synced by a majority before it is acknowledged",
		"Kafka":     "defaults, KRaft with every node broker and controller, -Xmx1G and the start script's JVM options; not synced",
		flushedName: "the same with log.flush.interval.messages=1",
	}
	return d, nil
}

// turn starts a cluster of one contestant and runs all rows against it.
func (o *versusOptions) turn(ctx context.Context, k contestant) (*Turn, error) {
	t := &Turn{When: time.Now().UTC(), Contestant: k.name, Load: lineOf("/proc/loadavg", ""), Samples: map[string]*Sample{}}
	var err error
	if t.Raw, err = measureRaw(ctx, o.Dir); err != nil {
		return t, err
	}
	return t, guarded(func(h *host) error {
		settings := []cluster.Option{cluster.NoVerify(), cluster.As(k.flavor)}
		for _, name := range slices.Sorted(maps.Keys(k.settings)) {
			settings = append(settings, cluster.Set(name, k.settings[name]))
		}
		b := newBench(&o.options, cluster.New(h, 3, settings...))
		if !o.Life {
			b.start()
			if err := b.warmUp(ctx); err != nil {
				return err
			}
		}
		for _, r := range o.rows() {
			s, err := o.once(ctx, b, r)
			if err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
			s.Stages = nil // task bench tells where the time goes
			t.Samples[r.name] = s
			say("  %-16s %s", r.name, s)
		}
		return nil
	})
}

// once runs a row. Those of a cluster's life end and start nodes, so that what the nodes used meanwhile says nothing.
func (o *versusOptions) once(ctx context.Context, b *bench, r row) (*Sample, error) {
	if o.Life || r.name == "consume-cold" {
		return r.run(ctx, b)
	}
	return b.measure(ctx, planned{r.name, r.run}, o.Profile != "")
}

// start starts all nodes and waits until they take clients.
func (b *bench) start() {
	for _, n := range b.cluster.Nodes {
		n.Start()
	}
	b.cluster.WaitReady()
}

// save writes the comparison as JSON; nothing without a path.
func (d *Duel) save(path string) error {
	if path == "" {
		return nil
	}
	text, err := json.MarshalIndent(d, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}
