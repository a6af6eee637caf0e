package coordinator

import (
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/coordination"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// Options are what a host needs of the node. All functions are safe for any goroutine.
type Options struct {
	Host    actors.Host
	Runtime actors.Runtime
	Image   func() *metadata.Image
	Replica func(storage.ShardID) *replica.Ref // nil if none runs here
	// Agreed returns the time by which things expire, of a time on this node's clock; false if it is
	// not known, then none do. nil is the node's own.
	Agreed func(now int64) (int64, bool)
	Room   func() bool // the disk takes writes; nil if always
	Logger *slog.Logger
}

// Host runs the coordinators of one kind on a node: one actor for each partition of the kind's
// topic that it has been asked about. Safe for any goroutine.
type Host[C coordination.Core] struct {
	kind    Kind[C]
	options Options
	budget  *budget
	damaged atomic.Int64

	// mu is held while an actor is sent a request: none comes after the message that stops it, so all
	// are answered.
	mu     sync.Mutex
	actors map[storage.ShardID]actors.Address
	closed bool
	sweep  actors.Timer // nil if the kind has no retention
}

// New makes the host of a kind.
func New[C coordination.Core](k Kind[C], o Options) *Host[C] {
	h := &Host[C]{kind: k, options: o, budget: &budget{limit: k.Memory}, actors: make(map[storage.ShardID]actors.Address)}
	if k.Retention > 0 {
		h.sweepLater()
	}
	return h
}

// sweepLater applies retention from time to time, whether or not anybody asks for anything.
func (h *Host[C]) sweepLater() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.closed {
		h.sweep = h.options.Runtime.After(h.kind.Retention, func() {
			h.Each(h.applyRetention, func(*protocol.Error) {})
			h.sweepLater()
		})
	}
}

// applyRetention has things expire by the earlier of two clocks: they carry the time of the node
// that took them, and one clock that is ahead must not make all of them old.
func (h *Host[C]) applyRetention(now int64, core C) {
	if h.options.Agreed == nil {
		core.ApplyRetention(now)
	} else if agreed, ok := h.options.Agreed(now); ok {
		core.ApplyRetention(min(now, agreed))
	}
}

// Damaged counts records that could not be read when partitions were loaded.
func (h *Host[C]) Damaged() int64 { return h.damaged.Load() }

// Bytes is about what all cores take in memory.
func (h *Host[C]) Bytes() int64 { return h.budget.used.Load() }

// Command is something to do with the core of a partition, on its actor's turn. now is in ms.
type Command[C coordination.Core] func(now int64, core C)

var (
	errNotCoordinator = protocol.Errorf(kerr.NotCoordinator, "this node is not the coordinator")
	errLoading        = protocol.Errorf(kerr.CoordinatorLoadInProgress, "the coordinator is loading")
)

// request is a Command on its way; refuse is called instead of it if this node does not coordinate.
type request[C coordination.Core] struct {
	run    Command[C]
	refuse func(*protocol.Error)
	sure   bool // run only once a majority has said that this node coordinates
}

// Unanswered implements actors.Asking: the coordinator has stopped.
func (r *request[C]) Unanswered() { r.refuse(errNotCoordinator) }

// Do runs a command at a key's coordinator, or tells refuse why this node cannot. One of the two
// is called, once, without blocking the caller.
func (h *Host[C]) Do(key string, run Command[C], refuse func(*protocol.Error)) {
	h.do(key, &request[C]{run, refuse, false})
}

// Sure is Do for a command that tells what was committed and writes nothing: it runs once a
// majority has said that this node coordinates. One that was deposed and does not know it yet would
// tell what was true once.
func (h *Host[C]) Sure(key string, run Command[C], refuse func(*protocol.Error)) {
	h.do(key, &request[C]{run, refuse, true})
}

func (h *Host[C]) do(key string, r *request[C]) {
	t := h.options.Image().Topics[h.kind.Topic]
	if t == nil {
		r.refuse(protocol.Errorf(kerr.CoordinatorNotAvailable, "%s is not there yet", h.kind.Topic))
		return
	}
	h.at(t.Partitions[h.kind.Partition(key, len(t.Partitions))], r)
}

// Each runs a command at every coordinator on this node; refuse is called for those that are
// loading. Partitions that this node does not lead are passed over.
func (h *Host[C]) Each(run Command[C], refuse func(*protocol.Error)) (asked int) {
	t := h.options.Image().Topics[h.kind.Topic]
	if t == nil {
		return 0
	}
	for _, p := range t.Partitions {
		if ref := h.options.Replica(p.Shard); ref != nil && ref.View().Role == replica.Leader {
			asked++
			h.at(p, &request[C]{run, refuse, false})
		}
	}
	return asked
}

func (h *Host[C]) at(p *metadata.Partition, r *request[C]) {
	ref := h.options.Replica(p.Shard)
	if ref == nil || ref.View().Role != replica.Leader {
		r.refuse(errNotCoordinator)
		return
	}
	if err := h.send(p, ref, r); err != nil {
		r.refuse(protocol.Errorf(kerr.CoordinatorNotAvailable, "%v", err))
	}
}

// send gives a request to the actor of a partition, starting it at the first call.
func (h *Host[C]) send(p *metadata.Partition, ref *replica.Ref, r *request[C]) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	address, err := h.actor(p, ref)
	if err != nil {
		return err
	}
	address.Send(r)
	return nil
}

func (h *Host[C]) actor(p *metadata.Partition, ref *replica.Ref) (actors.Address, error) {
	if h.closed {
		return nil, fmt.Errorf("this node is stopping")
	}
	if a := h.actors[p.Shard]; a != nil {
		return a, nil
	}
	a := &coordinator[C]{host: h, kind: h.kind, options: h.options, ref: ref, name: fmt.Sprintf("%s-%d", h.kind.Name, ref.Replica)}
	address, err := h.options.Host.Spawn(a.name, a)
	if err != nil {
		return nil, err
	}
	a.send = address.Send
	a.unwatch = ref.Watch(func() { address.Send(viewed) })
	h.actors[p.Shard] = address
	address.Send(viewed)
	return address, nil
}

// Forget stops the coordinator of a shard that is gone from this node.
func (h *Host[C]) Forget(s storage.ShardID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if address := h.actors[s]; address != nil {
		delete(h.actors, s)
		address.Stop(func() {})
	}
}

// Close stops all coordinators.
func (h *Host[C]) Close() {
	var stopped sync.WaitGroup
	h.mu.Lock()
	h.closed = true
	if h.sweep != nil {
		h.sweep.Stop()
	}
	for _, address := range h.actors {
		stopped.Add(1)
		address.Stop(stopped.Done)
	}
	h.actors = nil
	h.mu.Unlock()
	stopped.Wait()
}
