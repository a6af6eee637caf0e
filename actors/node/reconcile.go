package node

import (
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
		next := n.imaged.changed()
		if err := n.reconcile(n.Image()); err != nil {
			n.fail(err)
			return
		}
		if n.world.Wait(actors.Forever, next, n.stopping) == 1 {
			return
		}
	}
}

// reconcile starts what the image places here and does not run, stops what it does not place here any more, and tells the
// rest of changed members.
func (n *Node) reconcile(i *metadata.Image) error {
	placed := i.On(n.config.ID, n.identity.Load().Incarnation)
	var gone []storage.ShardID
	missing := make(map[storage.ShardID]metadata.Placed)
	running := n.replicas.all()
	for _, s := range n.replicas.shards() {
		h := running[s]
		p, ok := placed[s]
		switch {
		case s == metadata.MetaShard:
		case !ok || p.Replica.ID != h.ref.Replica:
			gone = append(gone, s)
		default:
			n.tellMembers(h, membersOf(p.Partition))
		}
	}
	for s, p := range placed {
		if h := running[s]; h == nil || h.ref.Replica != p.Replica.ID {
			missing[s] = p
		}
	}
	n.remove(gone)
	return n.add(missing)
}

func membersOf(p *metadata.Partition) replica.Members {
	all := p.Members()
	members := make(replica.Members, len(all))
	for i, r := range all {
		members[i] = replica.Member{Replica: r.ID, Node: r.Node}
	}
	return members
}

func (n *Node) tellMembers(h *hosted, m replica.Members) {
	if !slices.Equal(h.members, m) {
		h.members = m
		h.ref.Send(&replica.Moved{Members: m})
	}
}

// remove stops replicas and deletes what they hold.
func (n *Node) remove(shards []storage.ShardID) {
	if len(shards) == 0 {
		return
	}
	running := n.replicas.all()
	n.replicas.change(nil, shards)
	var stops []func(done func())
	var removes []storage.Append
	for _, s := range shards {
		h := running[s]
		stops = append(stops, h.address.Stop)
		n.leaders.forget(s)
		n.groups.Forget(s)
		removes = append(removes, storage.Append{State: storage.State{Shard: s, Replica: h.ref.Replica}, Remove: true})
	}
	actors.AwaitAll(n.world, stops...)
	n.write(removes)
}

// add opens replicas, founding first those that the store does not know.
func (n *Node) add(missing map[storage.ShardID]metadata.Placed) error {
	if len(missing) == 0 {
		return nil
	}
	states, err := n.states()
	if err != nil {
		return err
	}
	suspect := n.store.Suspect()
	var founds []storage.Append
	for _, s := range slices.Sorted(maps.Keys(missing)) {
		p := missing[s]
		_, bad := suspect[p.Replica.ID]
		_, known := states[p.Replica.ID]
		switch {
		case n.store.Removed(p.Replica.ID):
			delete(missing, s) // the image is one of before: __meta is being replayed after a restart
		case bad || !known && !p.Replica.Founding:
			delete(missing, s) // nothing of it may be used: it has to be replaced
		case !known:
			a := foundPartition(p)
			states[p.Replica.ID] = a.State
			founds = append(founds, a)
		}
	}
	n.write(founds)
	added := make(map[storage.ShardID]*hosted, len(missing))
	for _, s := range slices.Sorted(maps.Keys(missing)) {
		p := missing[s]
		h, err := n.open(p, states[p.Replica.ID])
		if err != nil {
			n.log.Error("a replica could not be opened and stays out of service", "topic", p.Partition.Topic, "partition", p.Partition.Index, "error", err)
			n.quarantined.Add(1)
			continue
		}
		added[s] = h
	}
	n.replicas.change(added, nil)
	return nil
}

// foundPartition returns what founds a replica of a new partition.
func foundPartition(p metadata.Placed) storage.Append {
	return raft.Found(p.Partition.Shard, p.Replica.ID, p.Partition.Founders, nil)
}

func (n *Node) open(p metadata.Placed, state storage.State) (*hosted, error) {
	members := membersOf(p.Partition)
	h := &hosted{members: members}
	var err error
	h.ref, err = replica.OpenPartition(n.options(p.Partition.Shard, state, members), n.spawner(h))
	if err != nil {
		return nil, fmt.Errorf("%s-%d: %w", p.Partition.Topic, p.Partition.Index, err)
	}
	return h, nil
}
