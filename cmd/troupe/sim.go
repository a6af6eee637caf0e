package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/troupe-mq/troupe/e2e/operations"
	"github.com/troupe-mq/troupe/e2e/sim"
)

// simulation is what the flags of `troupe sim` say.
type simulation struct {
	sim.Fleet
	worker, story bool
	step          uint64
}

func simCommand() *cobra.Command {
	s := simulation{Fleet: sim.Fleet{Tries: 150}}
	c := &cobra.Command{
		Use:   "sim",
		Short: "Simulate clusters under faults, and check that nothing acknowledged is ever lost",
		Long: `Runs whole clusters of this very build in one goroutine each, under a virtual clock, with a network that loses, delays, reorders and splits, with
disks that forget what was not synced, fill up, slow down and rot, and with processes that die at any step; clients of every kind work meanwhile. After every
event the invariants are checked, and at the end everything has to converge. All of it follows from the seed: the same seed does the same again, which the hash
that is printed shows. A seed that fails is made as small as it can be, and its story is told.`,
		Example: "  troupe sim --hours 1            # from seed 1 on, until an hour was simulated\n  troupe sim --seed 4711 --story  # one seed, and all that happens in it",
		Args:    cobra.NoArgs,
	}
	f := c.Flags()
	f.Uint64Var(&s.Options.Seed, "seed", 1, "the first seed")
	f.Uint64Var(&s.Seeds, "seeds", 0, "how many seeds; 1 unless --hours is given")
	f.Float64Var(&s.Hours, "hours", 0, "simulated hours, over as many seeds as that takes")
	f.StringVar(&s.Options.World, "world", "", "the kind of all worlds; drawn by the seed by default. Kinds: "+sim.KindNames())
	f.IntVar(&s.Options.Nodes, "nodes", 0, "nodes of each cluster; drawn by the seed by default")
	f.IntVar(&s.Options.Operations, "operations", 0, "instead of faults: so many operations of an operator, after each of which the cluster must become calm")
	f.DurationVar(&s.Options.For, "for", s.Options.For, "how long the trouble of one seed lasts; by default 2m, or 20m in the seeds of calm worlds")
	f.IntSliceVar(&s.Options.Without, "without", nil, "faults and clients of the plan to leave out, by number")
	f.BoolVar(&s.story, "story", false, "run one seed and print everything that happens")
	f.IntVar(&s.Jobs, "jobs", runtime.NumCPU(), "processes at once")
	f.IntVar(&s.Tries, "tries", s.Tries, "runs to spend on making a failing seed small")
	f.BoolVar(&s.worker, "worker", false, "run seeds for another process")
	f.Uint64Var(&s.step, "step", 1, "from one seed of a worker to the next")
	for _, hidden := range []string{"worker", "step"} {
		_ = f.MarkHidden(hidden)
	}
	c.RunE = func(c *cobra.Command, _ []string) error { return s.run(c) }
	return c
}

func (s *simulation) validate() error {
	if _, err := sim.KindOf(s.Options.World); err != nil {
		return err
	}
	switch {
	case s.Options.Nodes < 0 || s.Options.Nodes > 9 || s.Jobs < 1:
		return fmt.Errorf("--nodes must be from 0 to 9, --jobs at least 1")
	case s.Options.Operations < 0 || s.Options.Operations > 0 && s.Options.Nodes > 0 && s.Options.Nodes < operations.Fewest:
		return fmt.Errorf("--operations %d: operations need --nodes %d at least", s.Options.Operations, operations.Fewest)
	}
	return nil
}

func (s *simulation) run(c *cobra.Command) error {
	out := c.OutOrStdout()
	if err := s.validate(); err != nil {
		return err
	}
	switch {
	case s.worker:
		return sim.Work(s.Options, s.step, os.Stdout)
	case s.story || s.Hours == 0 && s.Seeds <= 1:
		s.Options.Story = s.story
		r := sim.Tell(out, s.Options, s.Tries)
		if s.story && len(r.Violations) == 0 {
			for _, line := range r.Story {
				fmt.Fprintln(out, line)
			}
		}
		fmt.Fprintf(out, "seed %d: world %s, %d nodes, %d replicas, %s simulated, %d events, %d records acknowledged, %d violations, hash %016x\n",
			r.Seed, r.World, r.Nodes, r.Replicas, r.Simulated, r.Events, r.Acked, len(r.Violations), r.Hash)
		return verdict(len(r.Violations))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	s.Out = out
	s.Worker = func(ctx context.Context, first, step uint64) *exec.Cmd {
		return exec.CommandContext(ctx, self, "sim", "--worker", "--seed", strconv.FormatUint(first, 10), "--step", strconv.FormatUint(step, 10),
			"--world", s.Options.World, "--nodes", strconv.Itoa(s.Options.Nodes), "--for", s.Options.For.String(), "--operations", strconv.Itoa(s.Options.Operations))
	}
	sum, err := s.Fleet.Run(ctx)
	if err != nil {
		return failure{err}
	}
	return verdict(len(sum.Failed))
}

func verdict(violations int) error {
	if violations > 0 {
		return failure{fmt.Errorf("invariants did not hold")}
	}
	return nil
}
