package hosting

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/storage"
)

// hosted is a replica that runs on this node.
type hosted struct {
	ref     *replica.Ref
	address actors.Address
	members replica.Members // as it was told, with their version
	version uint64
}

// Replicas are the replicas that run on this node. Readers see an immutable map; the reconciling
// goroutine alone changes it.
type Replicas struct {
	current atomic.Pointer[running]
	mu      sync.Mutex // between Stop and the reconciling goroutine
}

// running are replicas by shard. Immutable.
type running struct {
	byShard map[storage.ShardID]*hosted
	// in order: what is done to all is done in one order, or the simulator could not repeat it
	shards []storage.ShardID
	refs   []*replica.Ref // in the same order
}

// now returns the replicas of this moment. What belongs together is to be read from one such
// answer.
func (r *Replicas) now() *running {
	if m := r.current.Load(); m != nil {
		return m
	}
	return &running{}
}

// Get returns the replica of a shard, nil if none runs here.
func (r *Replicas) Get(s storage.ShardID) *replica.Ref {
	if h := r.now().byShard[s]; h != nil {
		return h.ref
	}
	return nil
}

// Each calls f with every replica, in the order of shards.
func (r *Replicas) Each(f func(*replica.Ref)) {
	for _, ref := range r.now().refs {
		f(ref)
	}
}

// All returns the replicas of this moment, in the order of shards. Not to be changed.
func (r *Replicas) All() []*replica.Ref { return r.now().refs }

// change publishes a map with some replicas added and others gone.
func (r *Replicas) change(add map[storage.ShardID]*hosted, remove []storage.ShardID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.now().byShard
	next := make(map[storage.ShardID]*hosted, len(before)+len(add))
	for s, h := range before {
		next[s] = h
	}
	for s, h := range add {
		next[s] = h
	}
	for _, s := range remove {
		delete(next, s)
	}
	all := &running{byShard: next, shards: slices.Sorted(maps.Keys(next))}
	for _, s := range all.shards {
		all.refs = append(all.refs, next[s].ref)
	}
	r.current.Store(all)
}

// Stop ends all replicas and waits until each has finished its last turn.
func (r *Replicas) Stop(w actors.Runtime) {
	var stops []func(done func())
	for _, h := range r.now().byShard {
		stops = append(stops, h.address.Stop)
	}
	actors.AwaitAll(w, stops...)
}
