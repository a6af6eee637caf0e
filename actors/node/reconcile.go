package node

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/raft"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// reconcileForever makes the running replicas match every new image, until the node stops.
func (n *Node) reconcileForever() {
	for {
		next := n.here.Imaged.Changed()
		n.forceQueued()
		if err := n.reconcile(n.here.Image()); err != nil {
			n.here.Fail(err)
			return
		}
		if n.here.Wait(actors.Forever, next, n.here.Stopping, n.forcings.due) == 1 {
			return
		}
	}
}

// reconcile starts what the image places here and does not run, stops what it does not place here
// any more, and tells the rest of changed members.
func (n *Node) reconcile(i *metadata.Image) error {
	n.reach(i)
	if n.expelled(i) {
		return nil
	}
	placed := i.On(n.here.ID, n.here.Identity().Incarnation)
	n.placed.Store(int64(len(placed)))
	if p, ok := i.MetaOn(n.here.ID, n.here.Identity().Incarnation); ok {
		placed[metadata.MetaShard] = p
	}
	var gone []storage.ShardID
	missing := make(map[storage.ShardID]metadata.Placed)
	running := n.replicas.now()
	for _, s := range running.shards {
		h := running.byShard[s]
		p, ok := placed[s]
		switch {
		case ok && p.Replica.ID == h.ref.Replica:
			n.tellMembers(h, p.Partition)
		case s != metadata.MetaShard:
			gone = append(gone, s)
		}
	}
	for s, p := range placed {
		if h := running.byShard[s]; s != metadata.MetaShard && (h == nil || h.ref.Replica != p.Replica.ID) {
			missing[s] = p
		}
	}
	n.losses.settle(i)
	n.remove(gone)
	if at := n.sweepAt.Load(); at != 0 && i.Index >= at {
		n.sweepAt.Store(0)
		n.write(n.swept(placed))
		n.upToDate = true
	}
	if n.upToDate {
		n.write(n.buried(i))
	}
	return n.add(missing)
}

func (n *Node) tellMembers(h *hosted, p *metadata.Partition) {
	members := replica.Of(p)
	if h.version != p.Version || !slices.Equal(h.members, members) {
		h.members, h.version = members, p.Version
		h.ref.Send(&replica.Moved{Members: members, Version: p.Version})
	}
}

// remove stops replicas and deletes what they hold.
func (n *Node) remove(shards []storage.ShardID) {
	if len(shards) == 0 {
		return
	}
	running := n.replicas.now().byShard
	n.replicas.change(nil, shards)
	var stops []func(done func())
	var removes []storage.Append
	for _, s := range shards {
		h := running[s]
		stops = append(stops, h.address.Stop)
		n.leaders.Forget(s)
		n.groups.Forget(s)
		removes = append(removes, storage.Append{State: storage.State{Shard: s, Replica: h.ref.Replica}, Remove: true})
	}
	actors.AwaitAll(n.here, stops...)
	n.write(removes)
}

// add opens replicas, writing first what those begin with that the store does not know.
func (n *Node) add(missing map[storage.ShardID]metadata.Placed) error {
	if len(missing) == 0 {
		return nil
	}
	states, err := n.states()
	if err != nil {
		return err
	}
	suspect := n.store.Suspect()
	var begins []storage.Append
	for _, s := range slices.Sorted(maps.Keys(missing)) {
		p := missing[s]
		cause, bad := suspect[p.Replica.ID]
		_, known := states[p.Replica.ID]
		switch {
		case n.store.Removed(p.Replica.ID):
			delete(missing, s) // the image is one of before: __meta is being replayed after a restart
		case bad:
			delete(missing, s)
			n.lose(p, cause)
		case !known && !p.Replica.Founding && !p.Replica.Pending:
			delete(missing, s)
			n.lose(p, errForgotten)
		case !known:
			a := begin(p)
			states[p.Replica.ID] = a.State
			begins = append(begins, a)
		}
	}
	n.write(begins)
	added := make(map[storage.ShardID]*hosted, len(missing))
	for _, s := range slices.Sorted(maps.Keys(missing)) {
		p := missing[s]
		h, err := n.open(p, states[p.Replica.ID])
		if err != nil {
			n.lose(p, err)
			continue
		}
		added[s] = h
	}
	n.replicas.change(added, nil)
	return nil
}

var errForgotten = errors.New("it was a member of its shard, and the disk knows nothing of it")

// begin returns what a replica begins with that was never on this disk: the founding of its shard,
// or nothing.
func begin(p metadata.Placed) storage.Append {
	if p.Replica.Founding {
		return raft.Found(p.Partition.Shard, p.Replica.ID, p.Partition.Founders, nil)
	}
	return raft.Join(p.Partition.Shard, p.Replica.ID)
}

func (n *Node) open(p metadata.Placed, state storage.State) (*hosted, error) {
	h := &hosted{members: replica.Of(p.Partition), version: p.Partition.Version}
	var err error
	h.ref, err = replica.OpenPartition(n.options(state, h), n.spawner(h))
	if err != nil {
		return nil, fmt.Errorf("%s-%d: %w", p.Partition.Topic, p.Partition.Index, err)
	}
	return h, nil
}
