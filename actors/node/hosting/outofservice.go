package hosting

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/troupe-mq/troupe/actors/health"
	"github.com/troupe-mq/troupe/actors/node/local"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// Loss is a replica on this node whose data cannot be used, and why.
type Loss struct {
	Shard     storage.ShardID
	Replica   storage.ReplicaID
	Topic     string
	Partition int32
	Cause     string
	Refused   string `json:",omitempty"` // why no other replica takes its place, if none does
}

// outOfService are the replicas on this node that are out of service until others have taken their
// places.
type outOfService struct {
	mu  sync.Mutex
	all map[storage.ReplicaID]Loss
	new chan struct{} // holds a token after one was added
}

func newOutOfService() *outOfService {
	return &outOfService{all: make(map[storage.ReplicaID]Loss), new: make(chan struct{}, 1)}
}

// add reports whether the loss is news.
func (l *outOfService) add(loss Loss) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.all[loss.Replica]; known {
		return false
	}
	l.all[loss.Replica] = loss
	select {
	case l.new <- struct{}{}:
	default:
	}
	return true
}

// list returns the outOfService in order of replica.
func (l *outOfService) list() []Loss {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]Loss, 0, len(l.all))
	for _, r := range slices.Sorted(maps.Keys(l.all)) {
		list = append(list, l.all[r])
	}
	return list
}

// refused notes why a loss is not made good; false if that was known.
func (l *outOfService) refused(r storage.ReplicaID, why string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	loss, ok := l.all[r]
	if !ok || loss.Refused == why {
		return false
	}
	loss.Refused = why
	l.all[r] = loss
	return true
}

// settle forgets what another replica has taken the place of, or nobody asks for any more.
func (l *outOfService) settle(i *metadata.Image) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for r, loss := range l.all {
		p := i.Shard(loss.Shard)
		if p == nil || !slices.ContainsFunc(p.Members(), func(m metadata.Replica) bool { return m.ID == r && !m.Lost }) {
			delete(l.all, r)
		}
	}
}

// lose takes a replica out of service whose data cannot be used. Another one is to take its place.
func (hs *Hosting) lose(p metadata.Placed, cause error) {
	loss := Loss{p.Partition.Shard, p.Replica.ID, p.Partition.Topic, p.Partition.Index, cause.Error(), ""}
	if hs.lost.add(loss) {
		hs.here.Log.Error("a replica is out of service and is replaced by a new one", "topic", loss.Topic, "partition", loss.Partition,
			"shard", loss.Shard, "replica", loss.Replica, "error", cause)
	}
}

const (
	replaceAgain = time.Second      // between two tries to have a lost replica replaced
	replaceLater = 10 * time.Second // after a refusal
)

// ReplaceLost has lost replicas replaced, until the node stops.
func (hs *Hosting) ReplaceLost() {
	for {
		wait := replaceLater
		for _, loss := range hs.lost.list() {
			if !hs.replaceOne(loss) {
				wait = replaceAgain
			}
		}
		if hs.here.Wait(wait, hs.lost.new, hs.here.Stopping) == 1 {
			return
		}
	}
}

// replaceOne asks __meta for another replica in the place of one; false if no answer came.
func (hs *Hosting) replaceOne(l Loss) bool {
	ctx, cancel := hs.here.Timeout(hs.here.Context, local.CommandTimeout)
	defer cancel()
	r, err := hs.Submit.Submit(ctx, metadata.Command{ReplaceReplica: &metadata.ReplaceReplica{Shard: l.Shard, Replica: l.Replica}})
	switch {
	case err != nil:
		return false
	case r.Err != nil && hs.lost.refused(l.Replica, r.Err.Error()):
		hs.here.Log.Error("a lost replica is not replaced", "topic", l.Topic, "partition", l.Partition, "replica", l.Replica, "error", r.Err)
	case r.Err == nil:
		hs.here.Log.Warn("a lost replica is replaced", "topic", l.Topic, "partition", l.Partition, "replica", l.Replica)
	}
	return true
}

// sweepAgain is the pause before another try to have the metadata confirm that this node is a
// member.
const sweepAgain = time.Second

// Sweep deletes what lies on this disk of replicas that were placed elsewhere or replaced while the
// node was away. What there is to delete an old image does not tell: the metadata has to answer
// first, however long that takes, and a node that it refuses ends.
func (hs *Hosting) Sweep() {
	hs.sweepBy(func(ctx context.Context) (metadata.Result, error) {
		return hs.Submit.Submit(ctx, metadata.Command{RegisterNode: &metadata.RegisterNode{Node: hs.Membership.Description()}})
	})
}

func (hs *Hosting) sweepBy(register func(context.Context) (metadata.Result, error)) {
	for !hs.here.Stopped() {
		ctx, cancel := hs.here.Timeout(hs.here.Context, local.CommandTimeout)
		r, err := register(ctx)
		cancel()
		switch {
		case err != nil:
			hs.here.Pause(sweepAgain)
		case r.Err != nil:
			hs.here.Fail(r.Err)
			return
		default:
			hs.sweepAt.Store(r.Index)
			hs.here.Imaged.Fire()
			return
		}
	}
}

// buried returns what deletes the suspect replicas that an image does not know any more, in which
// others have taken their places. The caller knows that the image is not old.
func (hs *Hosting) buried(i *metadata.Image) []storage.Append {
	suspect := hs.Disk.Suspect()
	if len(suspect) == 0 {
		return nil
	}
	health.Each(i, func(p *metadata.Partition) {
		for _, m := range p.Members() {
			delete(suspect, m.ID)
		}
	})
	hs.replicas.Each(func(ref *replica.Ref) { delete(suspect, ref.Replica) })
	var removes []storage.Append
	for _, r := range slices.Sorted(maps.Keys(suspect)) {
		removes = append(removes, storage.Append{State: storage.State{Shard: metadata.MetaShard, Replica: r}, Remove: true})
	}
	return removes
}

// swept returns what deletes the replicas on disk that an image does not know here. The caller
// knows that the image is not old. Of which shard a suspect replica is, the disk does not tell: it
// is deleted by its id.
func (hs *Hosting) swept(placed map[storage.ShardID]metadata.Placed) []storage.Append {
	here := make(map[storage.ReplicaID]bool, len(placed))
	for _, p := range placed {
		here[p.Replica.ID] = true
	}
	for _, h := range hs.replicas.now().byShard {
		here[h.ref.Replica] = true
	}
	var removes []storage.Append
	states, err := hs.Disk.Replicas()
	if err != nil {
		return nil
	}
	for _, s := range states {
		if !here[s.Replica] {
			removes = append(removes, storage.Append{State: storage.State{Shard: s.Shard, Replica: s.Replica}, Remove: true})
		}
	}
	suspect := hs.Disk.Suspect()
	for _, r := range slices.Sorted(maps.Keys(suspect)) {
		if !here[r] {
			removes = append(removes, storage.Append{State: storage.State{Shard: metadata.MetaShard, Replica: r}, Remove: true})
		}
	}
	return removes
}
