package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/troupe-mq/troupe/e2e/cluster"
)

// compare runs the rounds. What was measured before an error is returned too.
func (o *versusOptions) compare(ctx context.Context) (*Duel, error) {
	d, err := o.begin(ctx)
	if err != nil || o.Rounds == 0 {
		return d, err
	}
	jars, err := kafkaJars(ctx)
	if err != nil {
		return nil, err
	}
	os.Setenv("E2E_BIN", o.Binary)
	os.Setenv("TMPDIR", o.Dir)
	var failed []error
	for i := range o.Rounds {
		began := time.Now()
		for at, g := range o.groups() {
			say("round %d of %d, %s", i+1, o.Rounds, g.name)
			h, err := o.heat(ctx, g, order(o.contestants(jars), at+d.heatsOf(g.name)))
			if ctx.Err() != nil { // some had no turn, so that nothing of it can be compared
				return d, errors.Join(append(failed, ctx.Err())...)
			}
			if err != nil {
				failed = append(failed, fmt.Errorf("%s: %w", g.name, err))
			}
			if h != nil {
				d.Heats = append(d.Heats, h)
			}
			if err := save(o.JSON, d); err != nil {
				return d, errors.Join(append(failed, err)...)
			}
		}
		say("round %d of %d took %s", i+1, o.Rounds, time.Since(began).Round(time.Second))
	}
	return d, errors.Join(failed...)
}

// groups are those of which a row is wanted, with the wanted rows.
func (o *versusOptions) groups() (wanted []group) {
	all := groupsOfLoad
	if o.Life {
		all = []group{{"life", rowsOfLife}}
	}
	for _, g := range all {
		g.rows = slices.DeleteFunc(slices.Clone(g.rows), func(r row) bool { return !o.wanted(r.name) })
		if len(g.rows) > 0 {
			wanted = append(wanted, g)
		}
	}
	return wanted
}

// contestants are those who take part.
func (o *versusOptions) contestants(jars string) []contestant {
	return slices.DeleteFunc(contestants(jars), func(c contestant) bool { return len(o.Who) > 0 && !slices.Contains(o.Who, c.name) })
}

// order turns a row and mirrors every second, so that nobody always goes first or always follows
// the same one: three have all six orders in six heats.
func order[T any](all []T, heat int) []T {
	first := heat % max(len(all), 1)
	turned := slices.Concat(all[first:], all[:first])
	if heat%2 == 1 {
		slices.Reverse(turned)
	}
	return turned
}

// heat runs a group of rows against all contestants. What one could not do is missing from its
// turn, and the others have theirs; nil if nobody could do anything.
func (o *versusOptions) heat(ctx context.Context, g group, all []contestant) (*Heat, error) {
	settle()
	h := &Heat{When: time.Now().UTC(), Group: g.name, Load: lineOf("/proc/loadavg", "")}
	var err error
	if h.Raw, err = measureRaw(ctx, o.Dir); err != nil {
		return nil, err
	}
	var failed []error
	for _, c := range all {
		settle()
		say(" %s", c.name)
		t := &Turn{Contestant: c.name, Samples: map[string]*Sample{}}
		if err := o.turn(ctx, c, g.rows, t); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", c.name, err))
		}
		if len(t.Samples) > 0 {
			h.Turns = append(h.Turns, t)
		}
		if ctx.Err() != nil {
			break
		}
	}
	if len(h.Turns) == 0 {
		return nil, errors.Join(failed...)
	}
	return h, errors.Join(failed...)
}

// settle waits until the disk has done what the cluster before left to it: pages to write, and
// files to forget.
func settle() { unix.Sync() }

// turn starts a cluster of one contestant on empty directories and runs rows against it. The
// cluster is killed and deleted behind them.
func (o *versusOptions) turn(ctx context.Context, k contestant, rows []row, t *Turn) error {
	return guarded(func(h *host) error {
		settings := []cluster.Option{cluster.NoVerify(), cluster.As(k.flavor)}
		for _, name := range slices.Sorted(maps.Keys(k.settings)) {
			settings = append(settings, cluster.Set(name, k.settings[name]))
		}
		err := o.all(ctx, newBench(&o.options, cluster.New(h, 3, settings...)), rows, t)
		if ctx.Err() != nil {
			return nil // of what failed data and logs are kept, and this is nobody's failure
		}
		return err
	})
}

func (o *versusOptions) all(ctx context.Context, b *bench, rows []row, t *Turn) error {
	if !o.Life {
		b.start()
		if err := b.warmUpLong(ctx); err != nil {
			return err
		}
	}
	for _, r := range rows {
		s, err := o.once(ctx, b, r)
		if err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		s.Stages = nil // task bench tells where the time goes
		t.Samples[r.name] = s
		say("  %-16s %s", r.name, s)
	}
	return nil
}

// once runs a row. Those of a cluster's life end and start nodes, so that what the nodes used
// meanwhile says nothing.
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
