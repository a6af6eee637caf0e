package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/troupe-mq/troupe/actors/health"
)

// printStatus prints a cluster's health on one screen.
func printStatus(out io.Writer, c health.Cluster) {
	judgement := "healthy"
	if !c.Healthy {
		judgement = "NOT healthy"
	}
	leader := "none known"
	if c.MetaLeader >= 0 {
		leader = fmt.Sprintf("node %d", c.MetaLeader)
	}
	fmt.Fprintf(out, "cluster %s: %s; metadata led by %s", c.ClusterID, judgement, leader)
	for _, name := range slices.Sorted(maps.Keys(c.Features)) {
		fmt.Fprintf(out, "; %s %d", name, c.Features[name])
	}
	fmt.Fprint(out, "\n\n")
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NODE\tUP\tSTATE\tVERSION\tRACK\tKAFKA\tMETADATA\tLEADERS\tPREFERRED\tREPLICAS\tDISK\tFREE")
	for _, n := range c.Nodes {
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d\t%s\t%s\n", n.ID, choose(n.Up, "yes", "NO"), n.State, n.Version, choose(n.Rack == "", "-", n.Rack),
			n.Kafka, choose(n.Votes, "votes", "follows"), n.Leaders, n.Prefers, n.Replicas, mebibytes(n.DiskUsed), mebibytes(n.DiskFree))
	}
	w.Flush()
	p := c.Partitions
	fmt.Fprintf(out, "\npartitions: %d; leaderless %d, under-replicated %d, moving %d; replicas quarantined %d, lagging %d, read-only %d\n",
		p.Total, p.Leaderless, p.UnderReplicated, p.Moving, p.Quarantined, p.Lagging, p.Readers)
	for _, r := range c.Recoveries {
		fmt.Fprintf(out, "recovered by an operator on %s without nodes %v: %d shards went on without their majority, of %d partitions nothing was left\n",
			time.UnixMilli(r.At).UTC().Format(time.DateTime), r.Lost, len(r.Shards), len(r.Gone))
	}
	if len(c.Problems) == 0 {
		return
	}
	fmt.Fprintln(out)
	fmt.Fprintln(w, "WHAT\tNODE\tPARTITION\tREPLICA\tFOR\tREASON")
	for _, x := range c.Problems {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", x.Kind, choose(x.Node < 0, "-", fmt.Sprint(x.Node)), choose(x.Partition == "", "-", x.Partition),
			choose(x.Replica == 0, "-", fmt.Sprint(x.Replica)), choose(x.MS == 0, "-", (time.Duration(x.MS)*time.Millisecond).Round(time.Second).String()), x.Reason)
	}
	w.Flush()
}

func choose(condition bool, yes, no string) string {
	if condition {
		return yes
	}
	return no
}

func mebibytes(n int64) string {
	if n <= 0 {
		return "-"
	}
	return fmt.Sprintf("%d MiB", n>>20)
}
