package node

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/health"
	"github.com/troupe-mq/troupe/actors/node/question"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// A disk that gave itself up is declared lost without the operator only if nothing on it is needed:
// every shard that it had a voter of is led elsewhere, by one that has a majority in sync without
// it. A majority has all that was acknowledged. Who leads is asked, for what is known of it may be
// of before.

// missed returns the shards whose voters on a node are needed: that none of the others said it
// leads and can do without. In order of the metadata.
func missed(i *metadata.Image, id metadata.NodeID, expendableShards []storage.ShardID) (needed []string) {
	health.Each(i, func(p *metadata.Partition) {
		votes := slices.ContainsFunc(p.Members(), func(r metadata.Replica) bool { return r.Node == id && r.Role == metadata.Voter && !r.Lost })
		if votes && !slices.Contains(expendableShards, p.Shard) {
			needed = append(needed, health.Name(p))
		}
	})
	return needed
}

// expendableHere returns the shards that this node leads and that can do without what a node holds.
func (n *Node) expendableHere(id metadata.NodeID) []storage.ShardID {
	i := n.here.Image()
	expendableShards := []storage.ShardID{}
	n.replicas.Each(func(ref *replica.Ref) {
		v := ref.View()
		p := i.Shard(ref.Shard)
		if v.Role == replica.Leader && p != nil && health.Spares(n.hosting.Electorates(ref), n.leaders.NodesOf(ref.Shard, v.InSync), id) {
			expendableShards = append(expendableShards, ref.Shard)
		}
	})
	return expendableShards
}

// expendableQuestion asks for the shards that the asked node leads and that can do without what a
// node holds.
var expendableQuestion = question.Question[metadata.NodeID, []storage.ShardID]{Name: "spared"}

func (n *Node) answerExpendable(_ metadata.NodeID, id metadata.NodeID) ([]storage.ShardID, error) {
	return n.expendableHere(id), nil
}

// needs tells why the cluster cannot do without what a node's disk held; empty if it can.
func (n *Node) needs(id metadata.NodeID) string {
	ctx, cancel := n.here.Timeout(n.here.Context, enterTimeout/3)
	defer cancel()
	expendableShards := n.expendableHere(id)
	var mu sync.Mutex
	var each []func()
	for _, peer := range n.here.Peers() {
		if peer == id || !n.here.Links.Up(peer) {
			continue
		}
		each = append(each, func() {
			more, err := expendableQuestion.Ask(ctx, n.here.Links, peer, id)
			if err != nil {
				n.here.Log.Warn("a node did not tell what it leads", "peer", peer, "error", err)
			}
			mu.Lock()
			defer mu.Unlock()
			expendableShards = append(expendableShards, more...)
		})
	}
	actors.Together(n.here, each...)
	needed := missed(n.here.Image(), id, expendableShards)
	if len(needed) == 0 {
		return ""
	}
	shown := needed[:min(len(needed), 5)]
	more := ""
	if n := len(needed) - len(shown); n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	return fmt.Sprintf("the disk that node %d gave up may hold what is nowhere else: without it no majority is in sync of %s%s. Bring the other nodes back, or restore the disk; "+
		"if it is lost for good, troupe cluster replace %d", id, strings.Join(shown, ", "), more, id)
}
