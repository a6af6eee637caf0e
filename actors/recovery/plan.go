// Package recovery decides how a cluster goes on that has lost the majority of some shards for
// good: which replica of each is to go on, without whom, and what may be lost by it. Plain
// functions: that the plan is carried out, once and on an operator's word, is the node's business.
package recovery

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/troupe-mq/troupe/actors/health"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// Survivor is a replica that is left, as its disk has it. JSON between nodes.
type Survivor struct {
	Shard            storage.ShardID
	Replica          storage.ReplicaID
	Node             metadata.NodeID
	Term             uint64 // the highest it has seen
	LastTerm, Last   uint64 // of its last entry
	Commit           uint64
	HighWatermark    int64
	Voters, Learners []storage.ReplicaID // the shard's members as of its last entry
	OutgoingVoters   []storage.ReplicaID // of a change of members that was under way
}

// blank reports whether a replica has nothing of its shard, not even its members: it was on its way
// there. No shard goes on with it.
func (s *Survivor) blank() bool { return len(s.Voters)+len(s.OutgoingVoters) == 0 }

// Plan is what a recovery does. JSON for programs.
type Plan struct {
	ID     string            `json:"id"` // of this very plan: another state of the cluster has another
	Lost   []metadata.NodeID `json:"lost_nodes"`
	Steps  []Step            `json:"shards"`    // that lost their majority, __meta first
	Gone   []string          `json:"gone"`      // partitions of which nothing is left
	Intact int               `json:"untouched"` // shards that still have a majority, or lost nothing
}

// Step is what is done about one shard.
type Step struct {
	Shard         storage.ShardID     `json:"shard"`
	Name          string              `json:"partition"`
	Node          metadata.NodeID     `json:"node"` // whose replica goes on
	Replica       storage.ReplicaID   `json:"replica"`
	Lost          []storage.ReplicaID `json:"lost_replicas"`
	Left          int                 `json:"replicas_left"`
	Voters        int                 `json:"voters"` // that there were
	HighWatermark int64               `json:"high_watermark"`
	// behind what it knows to be committed; they count from now on
	Uncommitted uint64 `json:"uncommitted_entries"`
	Term        uint64 `json:"term"`
}

// Make plans. lost are nodes that never come back; survivors are the replicas of all others.
func Make(image *metadata.Image, lost []metadata.NodeID, survivors []Survivor) Plan {
	p := Plan{Lost: slices.Sorted(slices.Values(lost)), Steps: []Step{}, Gone: []string{}}
	byShard := make(map[storage.ShardID][]Survivor)
	for _, s := range survivors {
		if !slices.Contains(lost, s.Node) && !s.blank() {
			byShard[s.Shard] = append(byShard[s.Shard], s)
		}
	}
	for _, shard := range slices.Sorted(maps.Keys(byShard)) { // __meta is shard 1
		if step, needed := plan(image, byShard[shard]); needed {
			p.Steps = append(p.Steps, step)
		} else {
			p.Intact++
		}
	}
	health.Each(image, func(part *metadata.Partition) {
		if len(byShard[part.Shard]) == 0 {
			p.Gone = append(p.Gone, health.Name(part))
		}
	})
	b, _ := json.Marshal(p)
	sum := sha256.Sum256(b)
	p.ID = hex.EncodeToString(sum[:8])
	return p
}

// plan decides about one shard; false if a majority of its voters is left.
func plan(image *metadata.Image, left []Survivor) (Step, bool) {
	best := slices.MaxFunc(left, func(a, b Survivor) int {
		return cmp.Or(cmp.Compare(a.LastTerm, b.LastTerm), cmp.Compare(a.Last, b.Last))
	})
	here := func(r storage.ReplicaID) bool {
		return slices.ContainsFunc(left, func(s Survivor) bool { return s.Replica == r })
	}
	if majority(best.Voters, here) && majority(best.OutgoingVoters, here) {
		return Step{}, false
	}
	step := Step{
		Shard: best.Shard, Name: fmt.Sprintf("shard %d", best.Shard), Node: best.Node, Replica: best.Replica, Left: len(left), Voters: len(best.Voters),
		HighWatermark: best.HighWatermark, Uncommitted: best.Last - min(best.Commit, best.Last),
	}
	if part := image.Shard(best.Shard); part != nil {
		step.Name = health.Name(part)
	} else if best.Shard == metadata.MetaShard {
		step.Name = "__meta"
	}
	for _, r := range slices.Concat(best.Voters, best.Learners) {
		if !here(r) && !slices.Contains(step.Lost, r) {
			step.Lost = append(step.Lost, r)
		}
	}
	for _, s := range left {
		step.Term = max(step.Term, s.Term+1, s.LastTerm+1)
	}
	return step, true
}

// majority reports whether a majority of voters is left; of none it is.
func majority(voters []storage.ReplicaID, here func(storage.ReplicaID) bool) bool {
	n := 0
	for _, v := range voters {
		if here(v) {
			n++
		}
	}
	return len(voters) == 0 || n > len(voters)/2
}
