package hosting

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/node/local"
	"github.com/troupe-mq/troupe/actors/node/question"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

const (
	settleEvery   = 2 * tickEvery
	settleTimeout = time.Second
)

// TellMembers tells __meta what members the shards have that this node leads, where that is news,
// until the node stops.
func (hs *Hosting) TellMembers() {
	var last *metadata.Image // that all there was to tell by was told; nil if there is none
	hs.here.Every(settleEvery, func(time.Time) {
		i := hs.here.Image()
		seen := hs.seen(i, i == last)
		if last = i; len(seen) > 0 {
			last = nil
		}
		if seen = hs.confirmed(seen); len(seen) > 0 {
			hs.tellSettled(seen)
		}
	})
}

// seen returns the members of the led shards that differ from what the image says. If the last look
// was at the same image and all that it saw is told, those are left out whose replicas have rested
// since.
func (hs *Hosting) seen(i *metadata.Image, sameImage bool) []metadata.Settled {
	var seen []metadata.Settled
	for _, ref := range hs.replicas.now().refs {
		if rested := ref.Rested(); rested && sameImage || ref.View().Role != replica.Leader {
			continue
		}
		s := ref.Shard
		p, g := i.Shard(s), ref.Membership()
		if p == nil || g == nil || g.Version != p.Version || !g.Durable || len(g.Conf.GetVotersOutgoing()) > 0 {
			continue
		}
		voters, learners := ReplicaIDs(g.Conf.GetVoters()), ReplicaIDs(g.Conf.GetLearners())
		if p.Settles(voters, learners) {
			seen = append(seen, metadata.Settled{Shard: s, Version: g.Version, Index: g.Applied, Voters: voters, Learners: learners})
		}
	}
	return seen
}

// ReplicaIDs are raft's ids as the store's.
func ReplicaIDs(ids []uint64) []storage.ReplicaID {
	out := make([]storage.ReplicaID, len(ids))
	for i, id := range ids {
		out[i] = storage.ReplicaID(id)
	}
	return out
}

// confirmed keeps what a majority of the voters cannot forget any more. What leaves is deleted
// then, and must not be needed by a replica that forgot in a crash that it has left.
func (hs *Hosting) confirmed(seen []metadata.Settled) []metadata.Settled {
	if len(seen) == 0 {
		return nil
	}
	at := make(map[metadata.NodeID][]metadata.Settled) // whom to ask about what
	votes := make(map[storage.ShardID]int)
	for _, s := range seen {
		members := hs.here.Members(s.Shard)
		for _, v := range s.Voters {
			if node := members.NodeOf(v); node == hs.here.ID {
				votes[s.Shard]++
			} else {
				at[node] = append(at[node], s)
			}
		}
	}
	var mu sync.Mutex
	var asks []func()
	for _, node := range slices.Sorted(maps.Keys(at)) {
		asks = append(asks, func() {
			yes := hs.askGroup(node, at[node])
			mu.Lock()
			defer mu.Unlock()
			for _, s := range yes {
				votes[s]++
			}
		})
	}
	actors.Together(hs.here, asks...)
	return slices.DeleteFunc(seen, func(s metadata.Settled) bool { return votes[s.Shard] <= len(s.Voters)/2 })
}

// askGroup asks a node which of the shards' members its replicas cannot forget.
func (hs *Hosting) askGroup(node metadata.NodeID, about []metadata.Settled) (yes []storage.ShardID) {
	if !hs.here.Links.Up(node) {
		return nil
	}
	ctx, cancel := hs.here.Timeout(hs.here.Context, settleTimeout)
	defer cancel()
	yes, err := groupQuestion.Ask(ctx, hs.here.Links, node, about)
	if err != nil {
		return nil
	}
	return yes
}

// groupQuestion asks which members of shards the asked node cannot forget.
var groupQuestion = question.Question[[]metadata.Settled, []storage.ShardID]{Name: "group"}

func (hs *Hosting) confirm(_ metadata.NodeID, about []metadata.Settled) ([]storage.ShardID, error) {
	yes := []storage.ShardID{}
	for _, s := range about {
		ref := hs.replicas.Get(s.Shard)
		if ref == nil {
			continue
		}
		g := ref.Membership()
		if g != nil && g.Durable && len(g.Conf.GetVotersOutgoing()) == 0 &&
			same(g.Conf.GetVoters(), s.Voters) && same(g.Conf.GetLearners(), s.Learners) {
			yes = append(yes, s.Shard)
		}
	}
	return yes, nil
}

// same reports whether two lists hold the same, in whatever order.
func same(a []uint64, b []storage.ReplicaID) bool {
	sorted := ReplicaIDs(a)
	slices.Sort(sorted)
	return slices.Equal(sorted, slices.Sorted(slices.Values(b)))
}

func (hs *Hosting) tellSettled(seen []metadata.Settled) {
	ctx, cancel := hs.here.Timeout(hs.here.Context, local.CommandTimeout)
	defer cancel()
	if _, err := hs.Submit.Submit(ctx, metadata.Command{SettleMembers: &metadata.SettleMembers{Shards: seen}}); err != nil {
		if !hs.here.Stopped() {
			hs.here.Log.Debug("the metadata could not be told of members", "error", err)
		}
		return
	}
	for _, s := range seen {
		hs.here.Log.Info("the members of a shard changed", "partition", hs.here.NameOf(s.Shard), "voters", s.Voters, "learners", s.Learners)
	}
}

// Electorates returns the nodes of those that vote in a shard which this node leads, as the shard
// itself has them: one set, or two while members are exchanged. nil if they are not known.
func (hs *Hosting) Electorates(ref *replica.Ref) (sets [][]metadata.NodeID) {
	g := ref.Membership()
	if g == nil || g.Conf == nil {
		return nil
	}
	members := hs.here.Members(ref.Shard)
	lost := func(id storage.ReplicaID) bool {
		p := hs.here.Image().Shard(ref.Shard)
		return p != nil && slices.ContainsFunc(p.Leaving, func(r metadata.Replica) bool { return r.ID == id && r.Lost })
	}
	for _, voters := range [][]uint64{g.Conf.GetVoters(), g.Conf.GetVotersOutgoing()} {
		var nodes []metadata.NodeID
		for _, id := range voters {
			node := metadata.NodeID(-1)
			at := slices.IndexFunc(members, func(m replica.Member) bool { return m.Replica == storage.ReplicaID(id) })
			if at >= 0 && !lost(members[at].Replica) {
				node = members[at].Node
			}
			nodes = append(nodes, node)
		}
		if len(nodes) > 0 {
			sets = append(sets, nodes)
		}
	}
	return sets
}
