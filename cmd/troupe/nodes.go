package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/troupe-mq/troupe/actors/node"
	"github.com/troupe-mq/troupe/actors/supervisor"
)

// joinCommand is `troupe server` with the address to join at as its argument.
func joinCommand() *cobra.Command {
	c := serverCommand()
	run := c.RunE
	c.Use, c.Short, c.Args = "join HOST:PORT[,HOST:PORT...]", "Run this machine as a new node of a running cluster", cobra.ExactArgs(1)
	c.Long = `Runs a node that becomes a member of the cluster that HOST:PORT, the control address of any of its nodes, belongs to; several are asked in turn. It is the
same as "troupe server --join HOST:PORT" and takes the same settings; node.id must be one that no other node has. It gets its share of the replicas by itself: see
"troupe cluster moves".`
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := c.Flags().Set("join", args[0]); err != nil {
			return err
		}
		return run(c, nil)
	}
	return c
}

func decommissionCommand(a *admin) *cobra.Command {
	var cancel, wait bool
	c := &cobra.Command{
		Use: "decommission NODE", Short: "Empty a node and take it out of the cluster", Args: cobra.ExactArgs(1),
		Long: `Empties a node, running or dead: its leaderships move at once, its replicas go to other nodes one after the other. When it holds nothing any more it is
removed and its process ends; it cannot come back with its old data directory. --cancel keeps it. --wait shows the progress until it is removed.`,
		RunE: func(c *cobra.Command, args []string) error {
			q := url.Values{"node": {args[0]}, "cancel": {strconv.FormatBool(cancel)}}
			if err := a.ask(c.Context(), http.MethodPost, "/admin/decommission", q, &struct{}{}); err != nil {
				return err
			}
			switch {
			case cancel:
				fmt.Fprintf(c.OutOrStdout(), "node %s stays\n", args[0])
				return nil
			case wait:
				return a.follow(c.Context(), c.OutOrStdout(), args[0])
			}
			fmt.Fprintf(c.OutOrStdout(), "node %s is being emptied: see troupe cluster moves\n", args[0])
			return nil
		},
	}
	c.Flags().BoolVar(&cancel, "cancel", false, "keep the node")
	c.Flags().BoolVar(&wait, "wait", false, "show the progress until the node is removed")
	return c
}

func movesCommand(a *admin) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "moves", Short: "Which replicas move, how far they are, and what is planned", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := a.moves(c.Context())
			if err != nil {
				return err
			}
			if !asJSON {
				printMoves(c.OutOrStdout(), s.Status)
				return nil
			}
			e := json.NewEncoder(c.OutOrStdout())
			e.SetIndent("", "  ")
			return e.Encode(s)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "for programs")
	return c
}

func (a *admin) moves(ctx context.Context) (s node.ClusterStatus, err error) {
	err = a.ask(ctx, http.MethodGet, "/admin/moves", nil, &s)
	return s, err
}

// followEvery is the time between two lines of progress; followPatience how many answers in a row
// may fail.
const (
	followEvery    = time.Second
	followPatience = 30
)

// follow prints the progress of a node's emptying until it is removed.
func (a *admin) follow(ctx context.Context, out io.Writer, id string) error {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	last, failed := "", 0
	for {
		s, err := a.moves(ctx)
		at := slices.IndexFunc(s.Nodes, func(n supervisor.NodeStatus) bool { return strconv.Itoa(int(n.ID)) == id })
		switch {
		case err != nil:
			if failed++; failed > followPatience {
				return err
			}
		case at < 0:
			fmt.Fprintf(out, "node %s was removed\n", id)
			return nil
		case s.Nodes[at].Drain == nil:
			return failure{errors.New("node " + id + " is not being decommissioned any more")}
		default:
			failed = 0
			if line := progress(s.Nodes[at], s.BytesPerSec); line != last {
				fmt.Fprintln(out, line)
				last = line
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func progress(n supervisor.NodeStatus, rate float64) string {
	line := fmt.Sprintf("node %d: %d partitions and %s to go, %s/s", n.ID, n.Drain.Partitions, mebibytes(n.Drain.Bytes), mebibytes(int64(rate)))
	if n.Drain.Seconds > 0 {
		line += fmt.Sprintf(", about %s", (time.Duration(n.Drain.Seconds) * time.Second).Round(time.Second))
	}
	return line
}

// printMoves prints the supervisor's plan.
func printMoves(out io.Writer, s supervisor.Status) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NODE\tUP\tSTATE\tREPLICAS\tPREFERRED\tSIZE\tMETADATA")
	for _, n := range s.Nodes {
		fmt.Fprintf(w, "%d\t%s\t%s\t%d\t%d\t%s\t%s\n", n.ID, choose(n.Up, "yes", "NO"), n.State, n.Replicas, n.Leaders, mebibytes(n.Bytes), n.Meta)
	}
	w.Flush()
	for _, n := range s.Nodes {
		if n.Drain != nil {
			fmt.Fprintln(out, progress(n, s.BytesPerSec))
		}
	}
	if len(s.Moving) > 0 {
		fmt.Fprintln(out)
		fmt.Fprintln(w, "MOVING\tTO\tFROM\tDONE\tLEFT\tWAITS FOR")
	}
	for _, m := range s.Moving {
		done := "-"
		if m.Done >= 0 {
			done = fmt.Sprintf("%d %%", int(100*m.Done))
		}
		fmt.Fprintf(w, "%s-%d\t%v\t%v\t%s\t%s\t%s\n", m.Topic, m.Partition, m.To, m.From, done, mebibytes(m.BytesLeft), waitsFor(m))
	}
	w.Flush()
	for _, r := range s.Refused {
		fmt.Fprintf(out, "refused, tried again in %.0f s: %s: %s\n", r.Seconds, r.What, r.Why)
	}
	fmt.Fprintf(out, "\nmoving %d, planned %d, %s to go at %s/s\n", len(s.Moving), len(s.Planned), mebibytes(s.BytesLeft), mebibytes(int64(s.BytesPerSec)))
}

// waitsFor is what a move waits for. One that is stalled keeps no other one back.
func waitsFor(m supervisor.Moving) string {
	if m.Stalled != "" {
		return "stalled: " + m.Stalled
	}
	return choose(m.Waits == "", "-", m.Waits)
}
