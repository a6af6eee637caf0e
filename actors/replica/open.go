package replica

import (
	"fmt"

	"github.com/troupe-mq/troupe/actors/spans"
	"github.com/troupe-mq/troupe/actors/stages"
	"github.com/troupe-mq/troupe/raft"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// Options are what a replica actor is opened with.
type Options struct {
	Shard   storage.ShardID
	Replica storage.ReplicaID
	Self    metadata.NodeID
	Members Members
	Version uint64 // of the partition that Members are of; 0 changes no members
	State   storage.State
	Store   storage.Store
	Node    Node
	Limits  raft.Limits
	// the clock for LogAppendTime, in ms since the epoch; nil takes the process's
	Now    func() int64
	Stages *stages.Clock // where the time of proposals is counted; may be nil
	// whether the disk has room for records; nil: always. Safe for any goroutine
	Room func() bool
	// how many bytes of its newest records the replica keeps in memory; nil: 2 MiB. Safe for any
	// goroutine
	Tail      func() int
	Producers *Producers    // shared by all replicas of the node; nil bounds nothing
	Meters    *Meters       // shared by all replicas of the node; may be nil
	Tracer    *spans.Tracer // nil while tracing is off
}

// Spawner starts an actor and returns where to send to it.
type Spawner func(*Actor) (Mailbox, error)

// OpenMetadata opens the replica of __meta on this node, l. published is called with every new
// image.
func OpenMetadata(o Options, l metadata.Local, spawn Spawner, published func(*metadata.Image)) (*Ref, error) {
	machine := metadata.NewMachineOn(l)
	content := &commands{machine: machine, published: published}
	ref, err := open(o, machine, content, &clock{meters: o.Meters}, newTraces(o), true, spawn)
	if err != nil {
		return nil, err
	}
	return ref, nil
}

func open(o Options, machine raft.Machine, c content, k *clock, t *traces, compact bool, spawn Spawner) (*Ref, error) {
	checkpoint, err := o.Store.Checkpoint(o.Replica)
	if err != nil {
		return nil, fmt.Errorf("replica %d of shard %d: read the checkpoint: %w", o.Replica, o.Shard, err)
	}
	r, err := raft.Open(raft.Config{
		State: o.State, Checkpoint: checkpoint, Entries: o.Store, Machine: machine, Limits: o.Limits, Compact: compact,
	})
	if err != nil {
		return nil, fmt.Errorf("replica %d of shard %d: %w", o.Replica, o.Shard, err)
	}
	c.opened(checkpoint.Index)
	ref := &Ref{Shard: o.Shard, Replica: o.Replica}
	ref.members.Store(&o.Members)
	a := &Actor{node: o.Node, ref: ref, self: o.Self, members: o.Members, replica: r, content: c, clock: k, traces: t}
	a.gauge = gauge{meters: o.Meters, start: o.State.Start.Index, conf: r.Members()}
	a.change.wants(o.Members, o.Version)
	a.status = r.Status()
	a.showGroup(raft.Reconfigured{})
	a.publish()
	if ref.send, err = spawn(a); err != nil {
		return nil, err
	}
	ref.send(startSeeking)
	return ref, nil
}

// start is the first message of an actor.
type start struct{}

var startSeeking = &start{}
