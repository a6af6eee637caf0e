package coordinator

import (
	"fmt"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/group"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// Options are what the coordinators need of the node. All functions are safe for any goroutine.
type Options struct {
	Host    actors.Host
	Runtime actors.Runtime
	Image   func() *metadata.Image
	Replica func(storage.ShardID) *replica.Ref // nil if none runs here
	Config  func() group.Config
	Expire  time.Duration // between two looks for expired offsets
	// Agreed returns the time by which offsets expire, of a time on this node's clock; false if it is
	// not known, then none do. nil is the node's own.
	Agreed func(now int64) (int64, bool)
	Memory int64       // what all groups may take; 0 does not bound them
	Room   func() bool // the disk takes writes; nil if always
	Logger *slog.Logger
}

// Coordinators are the group coordinators of a node: one actor for each partition of
// __consumer_offsets that it has been asked about. Safe for any goroutine.
type Coordinators struct {
	options Options
	budget  *budget
	damaged atomic.Int64

	// mu is held while an actor is sent a request: none comes after the message that stops it, so all
	// are answered.
	mu     sync.Mutex
	actors map[storage.ShardID]actors.Address
	closed bool
	sweep  actors.Timer
}

// New makes the coordinators of a node.
func New(o Options) *Coordinators {
	c := &Coordinators{options: o, budget: &budget{limit: o.Memory}, actors: make(map[storage.ShardID]actors.Address)}
	c.sweepLater()
	return c
}

// sweepLater has expired offsets looked for from time to time, whether or not anybody asks for
// their groups.
func (c *Coordinators) sweepLater() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.sweep = c.options.Runtime.After(c.options.Expire, func() {
			c.Each(c.expire, func(*protocol.Error) {})
			c.sweepLater()
		})
	}
}

// expire has offsets expire by the earlier of two clocks: they carry the time of the node that took
// them, and one clock that is ahead must not make all of them old.
func (c *Coordinators) expire(now int64, core *group.Coordinator) {
	if c.options.Agreed == nil {
		core.ExpireOffsets(now)
	} else if agreed, ok := c.options.Agreed(now); ok {
		core.ExpireOffsets(min(now, agreed))
	}
}

// Damaged counts records that could not be read when groups were loaded.
func (c *Coordinators) Damaged() int64 { return c.damaged.Load() }

// Bytes is about what the groups on this node take in memory.
func (c *Coordinators) Bytes() int64 { return c.budget.used.Load() }

// budget is the memory of all groups of a node.
type budget struct {
	limit int64
	used  atomic.Int64
}

// Take implements group.Budget.
func (b *budget) Take(bytes int64) { b.used.Add(bytes) }

// Left implements group.Budget.
func (b *budget) Left() int64 {
	if b.limit == 0 {
		return math.MaxInt64
	}
	return b.limit - b.used.Load()
}

// Topics tells what an image knows of topics.
func Topics(image *metadata.Image) group.Topics {
	return func(name string) ([16]byte, int) {
		t := image.Topics[name]
		if t == nil {
			return [16]byte{}, 0
		}
		return t.ID, len(t.Partitions)
	}
}

// Command is something to do with the coordinator of a partition, on its actor's turn. now is in
// ms.
type Command func(now int64, c *group.Coordinator)

var (
	errNotCoordinator = protocol.Errorf(kerr.NotCoordinator, "this node does not coordinate the group")
	errNotAvailable   = protocol.Errorf(kerr.CoordinatorNotAvailable, "%s is not there yet", metadata.ConsumerOffsets)
	errLoading        = protocol.Errorf(kerr.CoordinatorLoadInProgress, "the groups are being loaded")
)

// request is a Command on its way; refuse is called instead of it if this node does not coordinate.
type request struct {
	run    Command
	refuse func(*protocol.Error)
	sure   bool // run only once a majority has said that this node coordinates
}

// Unanswered implements actors.Asking: the coordinator has stopped.
func (r *request) Unanswered() { r.refuse(errNotCoordinator) }

// Do runs a command at a group's coordinator, or tells refuse why this node cannot. One of the two
// is called, once, without blocking the caller.
func (c *Coordinators) Do(id string, run Command, refuse func(*protocol.Error)) {
	c.do(id, &request{run, refuse, false})
}

// Sure is Do for a command that tells what was committed and writes nothing: it runs once a
// majority has said that this node coordinates. One that was deposed and does not know it yet would
// tell what was true once.
func (c *Coordinators) Sure(id string, run Command, refuse func(*protocol.Error)) {
	c.do(id, &request{run, refuse, true})
}

func (c *Coordinators) do(id string, r *request) {
	t := c.options.Image().Topics[metadata.ConsumerOffsets]
	if t == nil {
		r.refuse(errNotAvailable)
		return
	}
	c.at(t.Partitions[group.PartitionOf(id, len(t.Partitions))], r)
}

// Each runs a command at every coordinator on this node; refuse is called for those that are
// loading. Partitions that this node does not lead are passed over.
func (c *Coordinators) Each(run Command, refuse func(*protocol.Error)) (asked int) {
	t := c.options.Image().Topics[metadata.ConsumerOffsets]
	if t == nil {
		return 0
	}
	for _, p := range t.Partitions {
		if ref := c.options.Replica(p.Shard); ref != nil && ref.View().Role == replica.Leader {
			asked++
			c.at(p, &request{run, refuse, false})
		}
	}
	return asked
}

func (c *Coordinators) at(p *metadata.Partition, r *request) {
	ref := c.options.Replica(p.Shard)
	if ref == nil || ref.View().Role != replica.Leader {
		r.refuse(errNotCoordinator)
		return
	}
	if err := c.send(p, ref, r); err != nil {
		r.refuse(protocol.Errorf(kerr.CoordinatorNotAvailable, "%v", err))
	}
}

// send gives a request to the actor of a partition, starting it at the first call.
func (c *Coordinators) send(p *metadata.Partition, ref *replica.Ref, r *request) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	address, err := c.actor(p, ref)
	if err != nil {
		return err
	}
	address.Send(r)
	return nil
}

func (c *Coordinators) actor(p *metadata.Partition, ref *replica.Ref) (actors.Address, error) {
	if c.closed {
		return nil, fmt.Errorf("this node is stopping")
	}
	if a := c.actors[p.Shard]; a != nil {
		return a, nil
	}
	a := &coordinator{node: c, options: c.options, ref: ref, name: fmt.Sprintf("groups-%d", ref.Replica), newID: uuid.NewString}
	address, err := c.options.Host.Spawn(a.name, a)
	if err != nil {
		return nil, err
	}
	a.send = address.Send
	a.unwatch = ref.Watch(func() { address.Send(viewed) })
	c.actors[p.Shard] = address
	address.Send(viewed)
	return address, nil
}

// Forget stops the coordinator of a shard that is gone from this node.
func (c *Coordinators) Forget(s storage.ShardID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if address := c.actors[s]; address != nil {
		delete(c.actors, s)
		address.Stop(func() {})
	}
}

// Close stops all coordinators.
func (c *Coordinators) Close() {
	var stopped sync.WaitGroup
	c.mu.Lock()
	c.closed = true
	c.sweep.Stop()
	for _, address := range c.actors {
		stopped.Add(1)
		address.Stop(stopped.Done)
	}
	c.actors = nil
	c.mu.Unlock()
	stopped.Wait()
}
