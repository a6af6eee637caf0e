package metadata

import (
	"slices"

	"github.com/troupe-mq/troupe/storage"
)

// Settles reports whether it would change anything to tell that the shard was seen with these
// members.
func (p *Partition) Settles(voters, learners []storage.ReplicaID) bool {
	for _, r := range p.Replicas {
		voter, learner := slices.Contains(voters, r.ID), slices.Contains(learners, r.ID)
		in := r.Role == Voter && voter || r.Role == Reader && learner
		if in == r.Pending || r.Back && !voter && !learner {
			return true
		}
	}
	return slices.ContainsFunc(p.Leaving, func(r Replica) bool { return !slices.Contains(voters, r.ID) && !slices.Contains(learners, r.ID) })
}
