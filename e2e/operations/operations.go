package operations

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Operation is one of them. When it is done, the cluster must be calm again.
type Operation struct {
	Kind string
	Node int // whom
	// how long a node is away, or how long something lasts until it is called off
	For       time.Duration
	Replicas  []int // of reassign: where to
	Partition int32 // of reassign
	Readers   int   // of readers: how many a partition shall have
}

// String tells all of it.
func (o Operation) String() string {
	switch {
	case o.Kind == "reassign":
		return fmt.Sprintf("reassign partition %d to nodes %s", o.Partition, strings.Trim(fmt.Sprint(o.Replicas), "[]"))
	case o.Kind == "readers":
		return fmt.Sprintf("readers: %d a partition", o.Readers)
	case o.For > 0:
		return fmt.Sprintf("%s node %d for %s", o.Kind, o.Node, o.For.Round(time.Millisecond))
	}
	return fmt.Sprintf("%s node %d", o.Kind, o.Node)
}

// Kind is a kind of operation.
type Kind struct {
	Name, Help string
	simulated  bool // in the simulator only
}

// Kinds are all of them.
var Kinds = []Kind{
	{Name: "join", Help: "a new node joins, up to five"},
	{Name: "decommission", Help: "a node drains and leaves, down to three"},
	{Name: "kill", Help: "SIGKILL, and a start after a while"},
	{Name: "restart", Help: "what an operator does: ask whether the node can be stopped, SIGTERM, start"},
	{Name: "partition", Help: "a node hears no node for a while and no node hears it"},
	{Name: "maintenance", Help: "maintenance on and, with the next one, off again"},
	{Name: "reassign", Help: "a partition is given other replicas, by Kafka's API"},
	{Name: "cancel", Help: "a node drains, and a moment later is told to stay", simulated: true},
	{Name: "lose", Help: "a node dies for good and is decommissioned", simulated: true},
	{Name: "replace", Help: "a disk dies, is declared lost, and the node comes back with an empty one", simulated: true},
	{Name: "readers", Help: "a topic gets read-only replicas and, with the next one, loses them", simulated: true},
}

// Names are the names of all kinds.
func Names() []string { return names(func(Kind) bool { return true }) }

// OnProcesses are the names of those that can be done to processes.
func OnProcesses() []string { return names(func(k Kind) bool { return !k.simulated }) }

func names(of func(Kind) bool) (names []string) {
	for _, k := range Kinds {
		if of(k) {
			names = append(names, k.Name)
		}
	}
	return names
}

// Sizes of a cluster that is operated.
const (
	Fewest = 3
	Most   = 5
)

// Cluster is what a plan knows of the cluster, which the operations before have made of it.
type Cluster struct {
	Members    []int // at least Fewest
	Partitions int   // of the topic that is operated
	Replicas   int   // of each partition that vote

	next    int // id of the next that joins
	resting int // who is in maintenance; -1 is nobody
	readers int // of each partition
}

// Plan makes n operations, each possible when those before it are done.
func Plan(r *rand.Rand, c Cluster, n int, kinds []string) (ops []Operation) {
	c.Members, c.next, c.resting = slices.Clone(c.Members), slices.Max(c.Members)+1, -1
	for len(ops) < n {
		if op, ok := c.step(r, kinds[r.IntN(len(kinds))]); ok {
			ops = append(ops, op)
		}
	}
	return ops
}

// step makes one operation of a kind, if it is possible now.
func (c *Cluster) step(r *rand.Rand, kind string) (Operation, bool) {
	op := Operation{Kind: kind, Node: c.Members[r.IntN(len(c.Members))]}
	switch kind {
	case "join":
		if len(c.Members) >= Most {
			return op, false
		}
		op.Node = c.next
		c.Members = append(c.Members, c.next)
		c.next++
	case "decommission", "lose":
		if !c.spares(op.Node) {
			return op, false
		}
		c.Members = slices.DeleteFunc(c.Members, func(n int) bool { return n == op.Node })
	case "cancel":
		op.For = span(r, 0, 3*time.Second)
		return op, c.spares(op.Node)
	case "replace":
		return op, op.Node != c.resting
	case "maintenance":
		if c.resting >= 0 {
			op.Node, c.resting = c.resting, -1
			break
		}
		c.resting = op.Node
	case "readers":
		if c.readers == 0 && len(c.Members) == c.Replicas {
			return op, false
		}
		c.readers = 1 - c.readers
		op.Node, op.Readers = 0, c.readers
	case "reassign":
		op.Node, op.Partition = 0, int32(r.IntN(c.Partitions))
		for _, i := range r.Perm(len(c.Members))[:c.Replicas] {
			op.Replicas = append(op.Replicas, c.Members[i])
		}
	case "kill", "partition":
		op.For = span(r, 500*time.Millisecond, 5*time.Second)
	}
	return op, true
}

// spares reports whether the cluster can do without a node.
func (c *Cluster) spares(n int) bool {
	return len(c.Members) > max(Fewest, c.Replicas+c.readers) && n != c.resting
}

func span(r *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(r.Int64N(int64(most-least)))
}
