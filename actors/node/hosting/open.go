package hosting

import (
	"fmt"

	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// options are what a replica of a shard on this node is opened with.
func (hs *Hosting) options(state storage.State, h *hosted) replica.Options {
	o := hs.Replica
	o.Shard, o.Replica, o.Self, o.Members, o.Version = state.Shard, state.Replica, hs.here.ID, h.members, h.version
	o.Tail = func() int { return hs.CacheBytes(hs.Placed()) }
	if o.Limits.CacheBytes == 0 {
		// of entries that the tail holds too, for the most part
		o.Limits.CacheBytes = uint64(o.Tail() / 2)
	}
	o.State, o.Store, o.Node, o.Room = state, hs.Store(), replicaHost{hs}, hs.Space.Roomy
	o.Now = func() int64 { return hs.here.Now().UnixMilli() }
	return o
}

// spawner starts a replica's actor and keeps its address in h.
func (hs *Hosting) spawner(h *hosted) replica.Spawner {
	return func(a *replica.Actor) (replica.Mailbox, error) {
		address, err := hs.Host.Spawn(a.Name(), a)
		if err != nil {
			return nil, err
		}
		h.address = address
		return address.Send, nil
	}
}

// OpenMeta opens this node's replica of __meta.
func (hs *Hosting) OpenMeta() error {
	state, members, version, err := hs.Membership.MetaState()
	if err != nil {
		return fmt.Errorf("this node's replica of the metadata: %w", err)
	}
	h := &hosted{members: members, version: version}
	h.ref, err = replica.OpenMetadata(hs.options(state, h), hs.Local, hs.spawner(h), hs.imageApplied)
	if err != nil {
		return err
	}
	hs.replicas.change(map[storage.ShardID]*hosted{metadata.MetaShard: h}, nil)
	hs.here.SetMeta(h.ref)
	return nil
}

// imageApplied is called by the actor of __meta with every image. A replica that is opened again
// shows those of its checkpoint and of its log once more: what was known does not become unknown by
// it, or replicas would be taken for deleted.
func (hs *Hosting) imageApplied(i *metadata.Image) {
	if i.Index >= hs.here.Image().Index {
		hs.here.SetImage(i)
	}
}
