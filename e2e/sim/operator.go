package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/health"
	"github.com/troupe-mq/troupe/actors/node"
	"github.com/troupe-mq/troupe/e2e/operations"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// operator is a client that operates the cluster by what is behind `troupe cluster` and by Kafka's
// API.
type operator struct {
	*client
	thorough bool // waits until what it asked for has come about
	patience time.Duration
}

// How long an operator tries. Thorough ones have a cluster without other troubles: what takes
// longer is stuck.
const (
	thoroughly = 3 * time.Minute
	briefly    = 20 * time.Second
	orderTime  = 10 * time.Second // for one answer
)

// until tries until f has no error any more, or patience ends.
func (o *operator) until(f func() error) error {
	for end := o.world.now.plus(o.patience); ; {
		err := f()
		if err == nil || o.world.load.quiet || o.world.now >= end {
			return err
		}
		o.wait(500 * time.Millisecond)
	}
}

// finally is until for those who are thorough.
func (o *operator) finally(f func() error) error {
	if !o.thorough {
		return nil
	}
	return o.until(f)
}

// order has another node than one do something, as its endpoint for operators does.
func (o *operator) order(but metadata.NodeID, f func(context.Context, *node.Node) error) error {
	w := o.world
	up := slices.DeleteFunc(w.up(), func(m *machine) bool { return m.id == but || m.process.node == nil || !m.process.open })
	if len(up) == 0 {
		return errRefused
	}
	p := up[w.pick(len(up))].process
	done := make(chan struct{})
	var answer error
	p.after(latencyLeast+w.upTo(latencyMore), func() {
		(runtime{p}).Go(func() {
			ctx, cancel := (runtime{p}).Timeout(background, orderTime)
			defer cancel()
			err := f(ctx, p.node)
			w.after(latencyLeast+w.upTo(latencyMore), func() {
				answer = err
				close(done)
			})
		})
	})
	if o.wait(orderTime+time.Second, done) < 0 {
		return errLate
	}
	return answer
}

// command gives the metadata a command, until it is taken.
func (o *operator) command(but metadata.NodeID, c metadata.Command) error {
	return o.until(func() error {
		return o.order(but, func(ctx context.Context, n *node.Node) error { return n.Administer(ctx, c) })
	})
}

// nobody is no node.
const nobody metadata.NodeID = -1

// perform does one operation.
func (o *operator) perform(op operations.Operation) error {
	m := o.world.machines[metadata.NodeID(op.Node)]
	switch op.Kind {
	case "join":
		o.world.arrive(m)
		return o.finally(func() error { return o.serves(m) })
	case "decommission":
		return o.decommission(m)
	case "cancel":
		return o.cancel(m, op.For)
	case "lose":
		o.world.bury(m, "it dies for good")
		return o.decommission(m)
	case "replace":
		return o.replace(m)
	case "kill":
		o.world.crash(m, keepsSome, "it is killed")
		o.wait(op.For)
		o.world.start(m)
		return nil
	case "restart":
		return o.restart(m)
	case "partition":
		mend := o.world.isolate(m.id)
		o.wait(op.For)
		mend()
		return nil
	case "maintenance":
		return o.maintain(m)
	case "reassign":
		return o.until(func() error { return o.reassign(op) })
	case "readers":
		return o.until(func() error {
			return o.order(nobody, func(ctx context.Context, n *node.Node) error { return n.SetReaders(ctx, mainTopic, op.Readers) })
		})
	}
	panic("sim: no such operation: " + op.Kind)
}

func (o *operator) serves(m *machine) error {
	if m.process == nil || !m.process.open {
		return fmt.Errorf("%s does not serve clients", m.name())
	}
	return nil
}

// decommission has a node, dead or alive, emptied and removed. A live one ends then.
func (o *operator) decommission(m *machine) error {
	m.leaves = true
	if err := o.command(m.id, metadata.Command{DrainNode: &metadata.DrainNode{Node: m.id}}); err != nil {
		return err
	}
	return o.finally(func() error {
		if !m.gone {
			return fmt.Errorf("%s was to be emptied, and is still there", m.name())
		}
		return o.order(m.id, func(_ context.Context, n *node.Node) error {
			if n.Image().Nodes[m.id] != nil {
				return fmt.Errorf("%s is dead and was to leave, and is still a member", m.name())
			}
			return nil
		})
	})
}

// cancel has a node stay that was told to leave. If it has left already, it joins anew.
func (o *operator) cancel(m *machine, after time.Duration) error {
	m.leaves = true
	if err := o.command(m.id, metadata.Command{DrainNode: &metadata.DrainNode{Node: m.id}}); err != nil {
		return err
	}
	o.wait(after)
	err := o.until(func() error {
		if m.gone {
			return nil
		}
		return o.order(nobody, func(ctx context.Context, n *node.Node) error {
			return n.Administer(ctx, metadata.Command{DrainNode: &metadata.DrainNode{Node: m.id, Cancel: true}})
		})
	})
	if err != nil || !m.gone {
		return err
	}
	o.world.empty(m, "it was removed, and joins anew")
	m.gone, m.joins = false, true
	o.world.start(m)
	return nil
}

// replace gives a node another disk.
func (o *operator) replace(m *machine) error {
	o.world.crash(m, keepsNone, "its disk dies")
	m.excused = true
	o.world.empty(m, "its disk was replaced")
	err := o.command(m.id, metadata.Command{ReplaceNode: &metadata.ReplaceNode{Node: m.id}})
	o.world.start(m)
	if err != nil {
		return err
	}
	err = o.finally(func() error { return o.serves(m) })
	m.excused = !o.thorough
	return err
}

// restart stops a node in order, once it may be stopped, and starts it.
func (o *operator) restart(m *machine) error {
	err := o.until(func() error {
		return o.order(m.id, func(ctx context.Context, n *node.Node) error {
			if why := n.MayStop(ctx, m.id); len(why) > 0 {
				return errors.New(why[0])
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	o.world.shutDown(m)
	if err := o.until(func() error {
		if m.process != nil {
			return fmt.Errorf("%s does not end", m.name())
		}
		return nil
	}); err != nil {
		return err
	}
	o.world.start(m)
	return nil
}

// maintain takes a node out of the lead, or, if it is, lets it back.
func (o *operator) maintain(m *machine) error {
	w := o.world
	on := w.resting != m
	w.resting = nil
	if on {
		w.resting = m
	}
	err := o.until(func() error {
		return o.order(nobody, func(ctx context.Context, n *node.Node) error { return n.Maintain(ctx, m.id, on) })
	})
	if err != nil || !on {
		return err
	}
	return o.finally(func() error {
		return o.healthy(func(h health.Cluster) error {
			for _, n := range h.Nodes {
				if n.ID == m.id && n.Leaders > 0 {
					return fmt.Errorf("%s is in maintenance and leads %d partitions", m.name(), n.Leaders)
				}
			}
			return nil
		})
	})
}

// reassign gives a partition other replicas.
func (o *operator) reassign(op operations.Operation) error {
	topic := mainTopic
	if o.world.kind.restless {
		topic = o.world.oneOf(func(topicPlan) bool { return true }).topic
	}
	return o.reassignTo(topic, op)
}

// reassignTo gives a partition of a topic the replicas that an operation says.
func (o *operator) reassignTo(topic string, op operations.Operation) error {
	r := kmsg.NewPtrAlterPartitionAssignmentsRequest()
	r.TimeoutMillis = 5000
	t := kmsg.NewAlterPartitionAssignmentsRequestTopic()
	t.Topic = topic
	p := kmsg.NewAlterPartitionAssignmentsRequestTopicPartition()
	p.Partition = op.Partition
	for _, n := range op.Replicas {
		p.Replicas = append(p.Replicas, int32(n))
	}
	t.Partitions = append(t.Partitions, p)
	r.Topics = append(r.Topics, t)
	answer, err := o.ask(o.anyone(), r)
	if err != nil {
		return err
	}
	a := answer.(*kmsg.AlterPartitionAssignmentsResponse)
	if a.ErrorCode != 0 {
		return kerr.ErrorForCode(a.ErrorCode)
	}
	return kerr.ErrorForCode(a.Topics[0].Partitions[0].ErrorCode)
}

// healthy asks a node how the cluster is.
func (o *operator) healthy(ok func(health.Cluster) error) error {
	return o.order(nobody, func(ctx context.Context, n *node.Node) error { return ok(n.Health(ctx)) })
}

// refused reports whether an error will not go away by trying again.
func refused(err error) bool {
	var e *protocol.Error
	return errors.As(err, &e) && !e.Kafka.Retriable
}
