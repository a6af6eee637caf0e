package chaos

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Operation is something that an operator or a bad day does to a cluster. When it is done, the cluster must be calm again.
type Operation struct {
	Kind      string
	Node      int           // whom
	For       time.Duration // how long a node is away
	Replicas  []int         // of reassign: where to
	Partition int32         // of reassign
}

// String tells all of it.
func (o Operation) String() string {
	switch {
	case o.Kind == "reassign":
		return fmt.Sprintf("reassign partition %d to nodes %s", o.Partition, strings.Trim(fmt.Sprint(o.Replicas), "[]"))
	case o.For > 0:
		return fmt.Sprintf("%s node %d for %s", o.Kind, o.Node, o.For.Round(time.Millisecond))
	}
	return fmt.Sprintf("%s node %d", o.Kind, o.Node)
}

// OperationKinds are the operations, and what each is.
var OperationKinds = []struct{ Name, Help string }{
	{"join", "a new node joins, up to five"},
	{"decommission", "a node drains and leaves, down to three"},
	{"kill", "SIGKILL, and a start after a while"},
	{"restart", "what an operator does: ask whether the node can be stopped, SIGTERM, start"},
	{"partition", "a node hears no node for a while and no node hears it"},
	{"maintenance", "maintenance on and, with the next one, off again"},
	{"reassign", "a partition is given other replicas, by Kafka's API"},
}

// OperationNames are the names of all kinds of operations.
func OperationNames() (names []string) {
	for _, k := range OperationKinds {
		names = append(names, k.Name)
	}
	return names
}

// Sizes of a cluster that is operated.
const (
	fewestNodes = 3
	mostNodes   = 5
)

// operated is what a plan of operations knows of the cluster.
type operated struct {
	members []int // in order
	next    int   // number of the next that joins
	resting int   // who is in maintenance; 0 is nobody
}

// Operations are n operations, each possible when those before it are done.
func (p Plan) Operations(number, n int, kinds []string) (ops []Operation) {
	r := p.random(number)
	c := operated{next: p.Nodes + 1}
	for i := range p.Nodes {
		c.members = append(c.members, i+1)
	}
	for len(ops) < n {
		if op, ok := c.step(r, kinds[r.IntN(len(kinds))]); ok {
			ops = append(ops, op)
		}
	}
	return ops
}

// step makes one operation of a kind, if it is possible now.
func (c *operated) step(r *rand.Rand, kind string) (Operation, bool) {
	op := Operation{Kind: kind, Node: c.members[r.IntN(len(c.members))]}
	switch kind {
	case "join":
		if len(c.members) == mostNodes {
			return op, false
		}
		op.Node = c.next
		c.members = append(c.members, c.next)
		c.next++
	case "decommission":
		if len(c.members) == fewestNodes || op.Node == c.resting {
			return op, false
		}
		c.members = slices.DeleteFunc(c.members, func(n int) bool { return n == op.Node })
	case "maintenance":
		if c.resting != 0 {
			op.Node, c.resting = c.resting, 0
			break
		}
		c.resting = op.Node
	case "reassign":
		op.Node, op.Partition = 0, int32(r.IntN(loaded))
		for _, i := range r.Perm(len(c.members))[:replicas] {
			op.Replicas = append(op.Replicas, c.members[i])
		}
	case "kill", "partition":
		op.For = span(r, 500*time.Millisecond, 5*time.Second)
	}
	return op, true
}
