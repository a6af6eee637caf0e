// Command chaos breaks a cluster of real processes for as long as it is told to: task chaos --
// --help.
package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/troupe-mq/troupe/e2e/chaos"
	"github.com/troupe-mq/troupe/e2e/operations"
)

const help = `Chaos starts a cluster of real processes, each on a host of its own (a network namespace and a disk), puts idempotent and plain
producers, consumer groups and probers on it, and breaks it by a schedule that --seed repeats. In the end of each episode it checks what clients did
and saw: no acknowledged record is lost, reordered, or twice there for an idempotent producer; no offset has two values; a node without a majority
acknowledged nothing; committed offsets never went back; produce, fetch and list-offsets are linearizable; all replicas hold the same bytes; no process
panicked; and after every round all goes on without help. The first episode has every fault once, those that follow mix them.

With --operations it is operated instead: nodes join, drain and leave, die, restart, are cut off and taken out of the lead, partitions are moved, one thing
after the other. After each the cluster must be calm again by what it says of itself, and in the end even.

It needs Linux and root. Ctrl-C ends it after the round that is under way. What a failed run leaves (data and logs) it names at the end.

Faults:
`

// options are the command's flags.
type options struct {
	For         time.Duration
	Seed        uint64
	Faults      []string
	AtOnce      int
	PowerLosses int
	Operations  int
	Plan        bool
	chaos.Config
}

func command() *cobra.Command {
	o := options{}
	c := &cobra.Command{
		Use: "chaos", Short: "Break a cluster of real processes under load, and check that it kept its promises", Long: help + faults(),
		Example: "  task chaos                                     every fault once, and mixes for two minutes\n" +
			"  task chaos -- --for 2h --seed 7\n" +
			"  task chaos -- --faults split,pause --at-once 2 --for 10m\n" +
			"  task chaos -- --power-losses 100 --fs xfs\n" +
			"  task chaos -- --operations 100 --seed 7\n" +
			"  task chaos -- --seed 7 --plan                  what would be done",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(*cobra.Command, []string) error {
			if err := o.validate(); err != nil {
				return err
			}
			return run(&o)
		},
	}
	f := c.Flags()
	f.DurationVar(&o.For, "for", 2*time.Minute, "no new episode begins after that")
	f.Uint64Var(&o.Seed, "seed", uint64(time.Now().UnixNano()), "of the schedule")
	f.StringSliceVar(&o.Faults, "faults", chaos.Names(), "only these")
	f.IntVar(&o.AtOnce, "at-once", 3, "most faults of a round")
	f.IntVar(&o.PowerLosses, "power-losses", 0, "instead of all else: so many times all nodes lose power at once")
	f.IntVar(&o.Operations, "operations", 0, "instead of all else: so many operations of an operator, and bad days")
	f.BoolVar(&o.Plan, "plan", false, "print the schedule of the first episodes and do nothing")
	f.IntVar(&o.Nodes, "nodes", 3, "of the cluster")
	f.StringVar(&o.FS, "fs", "ext4", "file system of the nodes' disks: ext4 or xfs")
	f.Int64Var(&o.Disk, "disk", chaos.DefaultDisk, "bytes of each node's disk")
	f.StringVar(&o.Dir, "dir", os.TempDir(), "where the images of the disks lie")
	return c
}

func faults() string {
	var b strings.Builder
	for _, k := range chaos.Kinds {
		fmt.Fprintf(&b, "  %-12s%s\n", k.Name, k.Help)
	}
	b.WriteString("\nOperations:\n")
	for _, k := range operations.Kinds {
		if slices.Contains(operations.OnProcesses(), k.Name) {
			fmt.Fprintf(&b, "  %-13s%s\n", k.Name, k.Help)
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func (o *options) validate() error {
	switch {
	case o.Nodes < 3 || o.Nodes > 9:
		return fmt.Errorf("--nodes %d: three to nine make sense", o.Nodes)
	case o.AtOnce < 1:
		return fmt.Errorf("--at-once %d: at least one", o.AtOnce)
	case o.Operations < 0 || o.Operations > 0 && o.PowerLosses > 0:
		return fmt.Errorf("--operations %d: it counts operations, and leaves no room for --power-losses", o.Operations)
	case o.Operations > 0 && o.Nodes != 3:
		return fmt.Errorf("--nodes %d: a cluster that is operated begins with three", o.Nodes)
	case o.PowerLosses < 0:
		return fmt.Errorf("--power-losses %d: it counts power losses", o.PowerLosses)
	case len(o.Faults) == 0:
		return fmt.Errorf("--faults: name at least one of %s", strings.Join(chaos.Names(), ", "))
	case o.FS != "ext4" && o.FS != "xfs":
		return fmt.Errorf("--fs %s: there are ext4 and xfs", o.FS)
	case o.Disk < 256<<20:
		return fmt.Errorf("--disk %d: a node needs %d bytes at least", o.Disk, 256<<20)
	}
	return chaos.Known(o.Faults)
}

// plan is what the flags make of the seed.
func (o *options) plan() chaos.Plan { return chaos.Plan{Seed: o.Seed, Nodes: o.Nodes, Kinds: o.Faults} }

// operations is the whole plan of a run that operates.
func (o *options) operations() []operations.Operation {
	return o.plan().Operations(0, o.Operations)
}

// lossesAnEpisode is how many power losses are checked together, and roundsAnEpisode how many
// rounds of mixed faults.
const (
	lossesAnEpisode = 10
	roundsAnEpisode = 6
)

// episode is the next list of rounds; nil if there is none. number counts from 0, left are power
// losses still to come.
func (o *options) episode(number, left int) []chaos.Round {
	switch {
	case o.PowerLosses > 0:
		return o.plan().PowerLosses(number, min(left, lossesAnEpisode))
	case number == 0:
		return o.plan().Singles(number)
	default:
		return o.plan().Mixed(number, roundsAnEpisode, o.AtOnce)
	}
}

func main() {
	if err := command().Execute(); err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
}
