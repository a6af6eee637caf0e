package raft

import (
	"fmt"
	"slices"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/storage"
)

// Wanted is which members a shard shall have. Whoever else is one, leaves.
type Wanted struct {
	Voters   []storage.ReplicaID // in the order in which they shall lead
	Learners []storage.ReplicaID // for good
}

// Standing is how a member stands with the leader, as far as it decides a change of members.
type Standing struct {
	InReach bool // heard of lately, and near the end of the log
	Ready   bool // has been so for a while: it may be made a voter
}

// move is what a leader does next to bring the members nearer to those wanted: at most one of
// change and transfer is set.
type move struct {
	change *raftpb.ConfChangeV2
	// a leader that shall leave does not take itself out: it hands over first
	transfer storage.ReplicaID
	// what for, if nothing can be done now; empty if the members are those wanted
	waits string
}

// nextMove decides. New members begin as learners. When they have the log they become voters in the
// same change in which those that are to leave stop being some, so that the shard never has fewer
// voters than before and after, and only while the new voters have a majority in reach, for behind
// a change that cannot be committed everything would wait.
func nextMove(conf *raftpb.ConfState, w Wanted, self storage.ReplicaID, standing map[storage.ReplicaID]Standing) move {
	if len(conf.GetVotersOutgoing()) > 0 {
		if !conf.GetAutoLeave() {
			return move{change: &raftpb.ConfChangeV2{}}
		}
		return move{waits: "the joint configuration ends"}
	}
	m := members{numbers(conf.GetVoters()), numbers(conf.GetLearners()), w, self, standing}
	if !slices.Contains(m.voters, self) {
		return m.handOver()
	}
	if changes := m.joins(); len(changes) > 0 {
		return move{change: &raftpb.ConfChangeV2{Changes: changes}}
	}
	promote, missing := m.promotions()
	drop := m.drops(len(promote), missing)
	switch {
	case len(promote)+len(drop) > 0:
		return m.exchange(promote, drop)
	case missing > 0:
		return move{waits: fmt.Sprintf("%d replicas catch up", missing)}
	case !slices.Contains(w.Voters, self):
		return m.handOver()
	}
	return move{}
}

// members are a shard's at rest, and what they shall be.
type members struct {
	voters, learners []storage.ReplicaID
	want             Wanted
	self             storage.ReplicaID
	standing         map[storage.ReplicaID]Standing
}

func numbers(ids []uint64) []storage.ReplicaID {
	out := make([]storage.ReplicaID, len(ids))
	for i, id := range ids {
		out[i] = storage.ReplicaID(id)
	}
	return out
}

func changeOf(t raftpb.ConfChangeType, r storage.ReplicaID) *raftpb.ConfChangeSingle {
	return &raftpb.ConfChangeSingle{Type: t.Enum(), NodeId: new(uint64(r))}
}

// joins returns the changes that cost no majority anything: who comes is a learner first, and a
// learner that is not wanted goes.
func (m *members) joins() (changes []*raftpb.ConfChangeSingle) {
	for _, wanted := range [][]storage.ReplicaID{m.want.Voters, m.want.Learners} {
		for _, r := range wanted {
			if !slices.Contains(m.voters, r) && !slices.Contains(m.learners, r) {
				changes = append(changes, changeOf(raftpb.ConfChangeAddLearnerNode, r))
			}
		}
	}
	for _, r := range m.learners {
		if !slices.Contains(m.want.Voters, r) && !slices.Contains(m.want.Learners, r) {
			changes = append(changes, changeOf(raftpb.ConfChangeRemoveNode, r))
		}
	}
	return changes
}

// promotions returns the learners that may become voters now, and how many have yet to catch up for
// it.
func (m *members) promotions() (promote []storage.ReplicaID, missing int) {
	for _, r := range m.want.Voters {
		switch {
		case slices.Contains(m.voters, r):
		case m.standing[r].Ready:
			promote = append(promote, r)
		default:
			missing++
		}
	}
	return promote, missing
}

// drops returns the voters that may stop being some together with n promotions, those out of reach
// first: all that are not wanted once nobody is missing, else as many as leaves the number that is
// wanted.
func (m *members) drops(n, missing int) (drop []storage.ReplicaID) {
	for _, r := range m.voters {
		if !slices.Contains(m.want.Voters, r) && r != m.self {
			drop = append(drop, r)
		}
	}
	slices.SortStableFunc(drop, func(a, b storage.ReplicaID) int {
		return boolean(m.standing[a].InReach) - boolean(m.standing[b].InReach)
	})
	if missing > 0 {
		drop = drop[:min(len(drop), max(0, len(m.voters)+n-len(m.want.Voters)))]
	}
	return drop
}

func boolean(b bool) int {
	if b {
		return 1
	}
	return 0
}

// exchange makes learners voters, and voters learners or nothing.
func (m *members) exchange(promote, drop []storage.ReplicaID) move {
	voters, reached := 0, 0
	for _, r := range append(slices.Clone(m.voters), promote...) {
		if slices.Contains(drop, r) {
			continue
		}
		voters++
		if r == m.self || m.standing[r].InReach {
			reached++
		}
	}
	if reached <= voters/2 {
		return move{waits: fmt.Sprintf("%d of the %d voters to be are in reach, a majority is needed", reached, voters)}
	}
	c := &raftpb.ConfChangeV2{}
	for _, r := range promote {
		c.Changes = append(c.Changes, changeOf(raftpb.ConfChangeAddNode, r))
	}
	for _, r := range drop {
		kind := raftpb.ConfChangeRemoveNode
		if slices.Contains(m.want.Learners, r) {
			kind = raftpb.ConfChangeAddLearnerNode
		}
		c.Changes = append(c.Changes, changeOf(kind, r))
	}
	return move{change: c}
}

// handOver is the way out for a leader that shall leave, or has left.
func (m *members) handOver() move {
	for _, r := range append(slices.Clone(m.want.Voters), m.voters...) {
		if slices.Contains(m.voters, r) && m.standing[r].InReach && r != m.self {
			return move{transfer: r}
		}
	}
	return move{waits: "another voter is in reach, to lead"}
}
