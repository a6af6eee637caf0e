package hosting

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

// Reconcile makes the running replicas match every new image, until the node stops.
func (hs *Hosting) Reconcile() {
	for {
		next := hs.here.Imaged.Changed()
		hs.forceQueued()
		if err := hs.match(hs.here.Image()); err != nil {
			hs.here.Fail(err)
			return
		}
		if hs.here.Wait(actors.Forever, next, hs.here.Stopping, hs.forcings.due) == 1 {
			return
		}
	}
}

// match starts what the image places here and does not run, stops what it does not place here
// any more, and tells the rest of changed members.
func (hs *Hosting) match(i *metadata.Image) error {
	hs.Membership.Reach(i)
	if hs.Membership.Expelled(i) {
		return nil
	}
	placed := i.On(hs.here.ID, hs.here.Identity().Incarnation)
	hs.placed.Store(int64(len(placed)))
	if p, ok := i.MetaOn(hs.here.ID, hs.here.Identity().Incarnation); ok {
		placed[metadata.MetaShard] = p
	}
	var gone []storage.ShardID
	missing := make(map[storage.ShardID]metadata.Placed)
	running := hs.replicas.now()
	for _, s := range running.shards {
		h := running.byShard[s]
		p, ok := placed[s]
		switch {
		case ok && p.Replica.ID == h.ref.Replica:
			hs.tellMembers(h, p.Partition)
		case s != metadata.MetaShard:
			gone = append(gone, s)
		}
	}
	for s, p := range placed {
		if h := running.byShard[s]; s != metadata.MetaShard && (h == nil || h.ref.Replica != p.Replica.ID) {
			missing[s] = p
		}
	}
	hs.lost.settle(i)
	hs.remove(gone)
	if at := hs.sweepAt.Load(); at != 0 && i.Index >= at {
		hs.sweepAt.Store(0)
		hs.Write(hs.swept(placed))
		hs.upToDate = true
	}
	if hs.upToDate {
		hs.Write(hs.buried(i))
	}
	return hs.add(missing)
}

func (hs *Hosting) tellMembers(h *hosted, p *metadata.Partition) {
	members := replica.Of(p)
	if h.version != p.Version || !slices.Equal(h.members, members) {
		h.members, h.version = members, p.Version
		h.ref.Send(&replica.Moved{Members: members, Version: p.Version})
	}
}

// remove stops replicas and deletes what they hold.
func (hs *Hosting) remove(shards []storage.ShardID) {
	if len(shards) == 0 {
		return
	}
	running := hs.replicas.now().byShard
	hs.replicas.change(nil, shards)
	var stops []func(done func())
	var removes []storage.Append
	for _, s := range shards {
		h := running[s]
		stops = append(stops, h.address.Stop)
		hs.Leaders.Forget(s)
		hs.Groups.Forget(s)
		removes = append(removes, storage.Append{State: storage.State{Shard: s, Replica: h.ref.Replica}, Remove: true})
	}
	actors.AwaitAll(hs.here, stops...)
	hs.Write(removes)
}

// add opens replicas, writing first what those begin with that the store does not know.
func (hs *Hosting) add(missing map[storage.ShardID]metadata.Placed) error {
	if len(missing) == 0 {
		return nil
	}
	states, err := hs.states()
	if err != nil {
		return err
	}
	suspect := hs.Disk.Suspect()
	var begins []storage.Append
	for _, s := range slices.Sorted(maps.Keys(missing)) {
		p := missing[s]
		cause, bad := suspect[p.Replica.ID]
		_, known := states[p.Replica.ID]
		switch {
		case hs.Disk.Removed(p.Replica.ID):
			delete(missing, s) // the image is one of before: __meta is being replayed after a restart
		case bad:
			delete(missing, s)
			hs.lose(p, cause)
		case !known && !p.Replica.Founding && !p.Replica.Pending:
			delete(missing, s)
			hs.lose(p, errForgotten)
		case !known:
			a := Begin(p)
			states[p.Replica.ID] = a.State
			begins = append(begins, a)
		}
	}
	hs.Write(begins)
	added := make(map[storage.ShardID]*hosted, len(missing))
	for _, s := range slices.Sorted(maps.Keys(missing)) {
		p := missing[s]
		r, err := hs.open(p, states[p.Replica.ID])
		if err != nil {
			hs.lose(p, err)
			continue
		}
		added[s] = r
	}
	hs.replicas.change(added, nil)
	return nil
}

var errForgotten = errors.New("it was a member of its shard, and the disk knows nothing of it")

// Begin returns what a replica begins with that was never on this disk: the founding of its shard,
// or nothing.
func Begin(p metadata.Placed) storage.Append {
	if p.Replica.Founding {
		return raft.Found(p.Partition.Shard, p.Replica.ID, p.Partition.Founders, nil)
	}
	return raft.Join(p.Partition.Shard, p.Replica.ID)
}

func (hs *Hosting) open(p metadata.Placed, state storage.State) (*hosted, error) {
	h := &hosted{members: replica.Of(p.Partition), version: p.Partition.Version}
	var err error
	h.ref, err = replica.OpenPartition(hs.options(state, h), hs.spawner(h))
	if err != nil {
		return nil, fmt.Errorf("%s-%d: %w", p.Partition.Topic, p.Partition.Index, err)
	}
	return h, nil
}
