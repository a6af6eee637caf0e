package raft

import (
	"slices"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"go.etcd.io/raft/v3/tracker"
	"google.golang.org/protobuf/proto"

	"github.com/troupe-mq/troupe/storage"
)

const (
	nearEntries = 256 // a member this far behind the end of the log, or less, is near it
	readyLooks  = 3   // a learner that was near so many looks in a row is ready to vote
)

// reconfiguration is what a leader remembers of the change of members it is about.
type reconfiguration struct {
	near map[storage.ReplicaID]int // looks in a row at which a member was near the end
	// where the last proposed change stands in the log; 0 if it was looked at
	proposed uint64
	before   *raftpb.ConfState // the members when it was proposed
}

// Reconfigured is how a change of members stands.
type Reconfigured struct {
	Done     bool              // the members are those wanted
	Proposed bool              // a change was proposed now
	Refused  bool              // the change proposed before was turned into nothing; it is tried again
	Transfer storage.ReplicaID // who the leadership is being handed to so that this replica can leave
	Waits    string            // what for, else
}

// Reconfigure takes the next step towards the wanted members, if this replica leads and nothing is
// under way. To be called now and then; what raft refused is seen by the members having stayed the
// same, and tried again. Ready must have been called since the last Step.
//
// A leader never proposes to take itself out, but it may find such a proposal of its predecessor in
// its log. It then goes on leading, as a member no more, until another voter has all of its log and
// takes over: if it stopped at once, nobody else might know yet that the change is committed, and
// its own tail might be the longest, so that it would be asked for a vote it does not give.
func (r *Replica) Reconfigure(w Wanted) Reconfigured {
	var out Reconfigured
	if r.role != Leader || r.applied.Term != r.node.BasicStatus().GetTerm() {
		return out
	}
	standing := r.standings()
	if at := r.changing.proposed; at != 0 {
		if r.applied.Index < at {
			return Reconfigured{Waits: "a change of members is committed"}
		}
		out.Refused = proto.Equal(r.changing.before, r.conf)
		r.changing.proposed, r.changing.before = 0, nil
	}
	next := nextMove(r.conf, w, r.id, standing)
	if r.leaveDropped() {
		next = move{change: &raftpb.ConfChangeV2{}}
	}
	switch {
	case next.change != nil:
		out.Proposed = r.ProposeMembers(next.change)
		if out.Proposed {
			r.changing.proposed, r.changing.before = r.last+1, r.conf
		}
	case next.transfer != 0:
		out.Transfer = next.transfer
		r.Transfer(next.transfer)
	default:
		out.Waits = next.waits
		out.Done = next.waits == ""
	}
	return out
}

// leaveDropped reports whether the shard is in a joint configuration that raft was to leave by
// itself, and nothing in the log does. Raft drops its proposal to leave while leadership is being
// handed over, and proposes again only when another entry is applied, which may be never.
func (r *Replica) leaveDropped() bool {
	return len(r.conf.GetVotersOutgoing()) > 0 && r.applied.Index == r.last && r.node.BasicStatus().LeadTransferee == raft.None
}

// Membership is what members a shard has as far as a replica knows.
type Membership struct {
	Conf    *raftpb.ConfState // as of the last applied entry; not to be changed
	Applied uint64            // that entry
	// Durable means that the replica cannot forget it any more. Members that left may be deleted only
	// when a majority of those that stay are that far: a commit index alone is not synced, and after a
	// crash a replica that has forgotten the change would wait for the votes of replicas that are no
	// more.
	Durable bool
}

// Membership tells the shard's members.
func (r *Replica) Membership() Membership {
	return Membership{r.conf, r.applied.Index, r.log.snap.Index >= r.log.changedAt}
}

// LogStart returns the index behind which the log begins.
func (r *Replica) LogStart() uint64 { return r.state.Start.Index }

// standings looks how each member stands.
func (r *Replica) standings() map[storage.ReplicaID]Standing {
	all := make(map[storage.ReplicaID]Standing)
	near := make(map[storage.ReplicaID]int)
	r.node.WithProgress(func(id uint64, _ raft.ProgressType, p tracker.Progress) {
		m := storage.ReplicaID(id)
		if m != r.id && (!r.heardOf(m) || p.Match+nearEntries < r.last || p.State != tracker.StateReplicate) {
			return
		}
		near[m] = r.changing.near[m] + 1
		all[m] = Standing{InReach: true, Ready: near[m] >= readyLooks}
	})
	r.changing.near = near
	return all
}

// Is reports whether members, outside of a joint configuration, are those wanted.
func (w Wanted) Is(conf *raftpb.ConfState) bool {
	return len(conf.GetVotersOutgoing()) == 0 && equal(w.Voters, conf.GetVoters()) && equal(w.Learners, conf.GetLearners())
}

// equal reports whether two lists without repetition hold the same.
func equal(want []storage.ReplicaID, have []uint64) bool {
	if len(want) != len(have) {
		return false
	}
	for _, r := range have {
		if !slices.Contains(want, storage.ReplicaID(r)) {
			return false
		}
	}
	return true
}
