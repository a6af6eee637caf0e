package node

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

// replicas are the replicas that run on this node. Readers see an immutable map; the reconciling goroutine alone changes it.
type replicas struct {
	current atomic.Pointer[running]
	mu      sync.Mutex // between Stop and the reconciling goroutine
}

// running are replicas by shard. Immutable.
type running struct {
	byShard map[storage.ShardID]*hosted
	shards  []storage.ShardID // in order: what is done to all is done in one order, or the simulator could not repeat it
}

func (r *replicas) all() map[storage.ShardID]*hosted {
	if m := r.current.Load(); m != nil {
		return m.byShard
	}
	return nil
}

// shards returns the shards that have a replica here, in order.
func (r *replicas) shards() []storage.ShardID {
	if m := r.current.Load(); m != nil {
		return m.shards
	}
	return nil
}

// get returns the replica of a shard, nil if none runs here.
func (r *replicas) get(s storage.ShardID) *replica.Ref {
	if h := r.all()[s]; h != nil {
		return h.ref
	}
	return nil
}

func (r *replicas) each(f func(*replica.Ref)) {
	all := r.all()
	for _, s := range r.shards() {
		f(all[s].ref)
	}
}

// change publishes a map with some replicas added and others gone.
func (r *replicas) change(add map[storage.ShardID]*hosted, remove []storage.ShardID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.all()
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
	r.current.Store(&running{next, slices.Sorted(maps.Keys(next))})
}

// stop ends all replicas and waits until each has finished its last turn.
func (r *replicas) stop(w actors.Runtime) {
	var stops []func(done func())
	for _, h := range r.all() {
		stops = append(stops, h.address.Stop)
	}
	actors.AwaitAll(w, stops...)
}
