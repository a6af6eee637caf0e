//go:build linux

package chaos

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/troupe-mq/troupe/actors/health"
	"github.com/troupe-mq/troupe/e2e/cluster"
	"github.com/troupe-mq/troupe/e2e/history"
	"github.com/troupe-mq/troupe/e2e/operations"
)

// calmWithin is how long an operation may take on two busy cores until the cluster is calm again.
// What takes longer is stuck.
const calmWithin = 3 * time.Minute

// operationsAnEpisode is how many are checked together: the history of more would be too long for
// porcupine.
const operationsAnEpisode = 15

// Operate operates the cluster under load, one operation after the other, each until the cluster is
// calm again, and checks what came of it. In the end the cluster must be even again. It ends early,
// and returns false, when the context does.
func (r *Run) Operate(ctx context.Context, ops []operations.Operation) bool {
	r.t.Helper()
	done := 0
	for list := range slices.Chunk(ops, operationsAnEpisode) {
		r.episodes++
		r.rec = history.NewRecorder()
		l := r.load(fmt.Sprint("operated.", r.episodes))
		r.recovers(l)
		for _, op := range list {
			if ctx.Err() != nil {
				break
			}
			done++
			r.t.Logf("operation %d of %d: %s", done, len(ops), op)
			began := time.Now()
			r.operate(op, l)
			r.calm(op.String())
			r.recovers(l)
			r.t.Logf("  calm again %s after it began", time.Since(began).Round(10*time.Millisecond))
		}
		if last := done == len(ops) || ctx.Err() != nil; last && r.resting != 0 {
			r.maintenance(r.resting)
			r.calm("the last")
		}
		if r.resting == 0 {
			r.even()
		}
		r.settle(l)
	}
	return ctx.Err() == nil
}

// operate performs one operation.
func (r *Run) operate(op operations.Operation, l *traffic) {
	r.t.Helper()
	switch op.Kind {
	case "join":
		r.join(op.Node)
	case "decommission":
		r.decommission(op.Node)
	case "kill":
		r.node(op.Node).Kill()
		<-time.After(op.For)
		r.node(op.Node).Restart()
	case "restart":
		r.mayStop(op.Node)
		r.node(op.Node).Stop()
		r.node(op.Node).Restart()
	case "partition":
		r.during(Fault{Kind: "split", Nodes: []int{op.Node}}, func() { <-time.After(op.For) })
	case "maintenance":
		r.maintenance(op.Node)
	case "reassign":
		r.reassign(l.topics[0], op)
	}
}

// maintenance takes a node out of the lead, or lets it back.
func (r *Run) maintenance(node int) {
	r.t.Helper()
	if r.resting == node {
		r.command("maintenance", "off", fmt.Sprint(node))
		r.resting = 0
		return
	}
	r.command("maintenance", "on", fmt.Sprint(node))
	r.resting = node
	r.eventually(fmt.Sprintf("node %d leads nothing", node), func(h health.Cluster) error {
		for _, n := range h.Nodes {
			if int(n.ID) == node && n.Leaders > 0 {
				return fmt.Errorf("it leads %d partitions", n.Leaders)
			}
		}
		return nil
	})
}

// during is a fault for as long as f takes.
func (r *Run) during(f Fault, do func()) {
	r.t.Helper()
	r.healing()
	r.effect(&f, begin)
	r.broken()
	do()
	r.healing()
	r.effect(&f, end)
	r.broken()
}

// join starts one more node, which is told where the others are.
func (r *Run) join(number int) {
	r.t.Helper()
	h := r.lab.Add(r.t)
	n := r.Cluster.Add()
	if h.Number != number || int(n.ID) != number {
		r.t.Fatalf("host %d and node %d were added, the plan says %d", h.Number, n.ID, number)
	}
	n.Join(r.asked(0))
	r.launch(n)
	n.WaitReady()
}

// decommission has a node emptied and taken out of the cluster; its process ends by itself then.
func (r *Run) decommission(number int) {
	r.t.Helper()
	cluster.Eventually(r.t, calmWithin, fmt.Sprintf("decommission %d", number), func(ctx context.Context) error {
		_, err := r.asked(number).Operate(ctx, "cluster", "decommission", fmt.Sprint(number))
		return err
	})
	if code, out := r.node(number).WaitExit(calmWithin); code != 0 {
		r.t.Fatalf("node %d was decommissioned and ended with code %d:\n%s", number, code, out)
	}
}

func (r *Run) mayStop(number int) {
	r.t.Helper()
	cluster.Eventually(r.t, calmWithin, fmt.Sprintf("node %d can be stopped", number), func(ctx context.Context) error {
		_, err := r.asked(number).Operate(ctx, "cluster", "can-restart", fmt.Sprint(number))
		return err
	})
}

// asked is a node that runs, and is not that one.
func (r *Run) asked(but int) *cluster.Node {
	r.t.Helper()
	for _, n := range r.Cluster.Running() {
		if int(n.ID) != but {
			return n
		}
	}
	r.t.Fatal("no node runs")
	return nil
}

// command is troupe cluster with these arguments, at any node. It is given again while the cluster
// is not able to: elections take their time.
func (r *Run) command(args ...string) {
	r.t.Helper()
	cluster.Eventually(r.t, calmWithin, fmt.Sprint(args), func(ctx context.Context) error {
		_, err := r.asked(0).Operate(ctx, append([]string{"cluster"}, args...)...)
		return err
	})
}

func (r *Run) reassign(topic string, op operations.Operation) {
	r.t.Helper()
	var req kadm.AlterPartitionAssignmentsReq
	to := make([]int32, len(op.Replicas))
	for i, n := range op.Replicas {
		to[i] = int32(n)
	}
	req.Assign(topic, op.Partition, to)
	cluster.Eventually(r.t, calmWithin, op.String(), func(ctx context.Context) error {
		resp, err := r.Cluster.Admin().AlterPartitionAssignments(ctx, req)
		return errors.Join(err, resp.Error())
	})
}

// calm waits until the cluster says of itself that all is well and nothing moves.
func (r *Run) calm(after string) {
	r.t.Helper()
	r.Cluster.WaitReady()
	r.eventually("calm after "+after, func(h health.Cluster) error {
		if !h.Healthy || h.Partitions.Moving > 0 || h.Partitions.UnderReplicated > 0 {
			return fmt.Errorf("%d move, %d under-replicated; %+v", h.Partitions.Moving, h.Partitions.UnderReplicated, h.Problems)
		}
		return nil
	})
}

// even waits until every node has as many replicas and leads as many partitions as every other,
// give or take one.
func (r *Run) even() {
	r.t.Helper()
	r.eventually("an even cluster", func(h health.Cluster) error {
		var replicas, leaders []int
		for _, n := range h.Nodes {
			if n.Up {
				replicas, leaders = append(replicas, n.Replicas), append(leaders, n.Leaders)
			}
		}
		if slices.Max(replicas)-slices.Min(replicas) > 1 || slices.Max(leaders)-slices.Min(leaders) > 1 {
			return fmt.Errorf("replicas by node %v, leaders %v", replicas, leaders)
		}
		return nil
	})
}

func (r *Run) eventually(what string, ok func(health.Cluster) error) {
	r.t.Helper()
	cluster.Eventually(r.t, calmWithin, what, func(ctx context.Context) error {
		h, err := r.asked(0).Health(ctx)
		if err != nil {
			return err
		}
		return ok(h)
	})
}
