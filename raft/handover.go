package raft

import (
	"slices"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"go.etcd.io/raft/v3/tracker"

	"github.com/troupe-mq/troupe/storage"
)

// A leader that hands over takes no proposals from when raft is asked for it until the next leader
// stands for election, so every moment in between is one without a leader. Raft alone would let it
// last for an election timeout whenever the other replica cannot stand: because it is far behind,
// because it has not applied a change of members that is committed, because it does not know yet
// that it votes, or because the call to stand was lost. Therefore:
//   - a leader asks raft only when the other one is a voter, in sync, and no change of members is
//     under way (fit);
//   - it calls again at every tick, and takes proposals again after a few (tickHandover);
//   - a replica that is called and cannot stand yet stands as soon as it can, unless the leader
//     has gone on meanwhile (takeOver).

// handover is the leadership of this replica on its way to another.
type handover struct {
	to    storage.ReplicaID // 0 if it stays
	left  int               // ticks until it is given up
	begun bool              // raft was asked, and takes no proposals
}

// callTicks is for how many ticks a leader calls another replica to take over without being
// answered.
const callTicks = 4

// Transfer hands leadership to another voter, as soon as that can take it within moments. It is
// given up if that does not come about within an election timeout: the owner asks again if it still
// wants it.
func (r *Replica) Transfer(to storage.ReplicaID) {
	if r.role != Leader || to == r.id || r.handing.begun {
		return
	}
	r.handing = handover{to: to, left: r.limits.ElectionTicks}
	r.beginHandover()
}

// beginHandover asks raft to hand over if that is wanted and the other replica is fit for it.
func (r *Replica) beginHandover() {
	h := &r.handing
	if h.to == 0 || h.begun || !r.fit(h.to) {
		return
	}
	h.begun, h.left = true, callTicks
	r.node.TransferLeader(uint64(h.to))
}

// fit reports whether a replica can take over within moments.
func (r *Replica) fit(to storage.ReplicaID) bool {
	switch {
	case r.role != Leader, r.applied.Term != r.term(), r.applied.Index < r.changing.proposed:
		return false
	case len(r.conf.GetVotersOutgoing()) > 0, !slices.Contains(r.conf.GetVoters(), uint64(to)):
		return false
	}
	fit := false
	r.node.WithProgress(func(id uint64, _ raft.ProgressType, p tracker.Progress) {
		if id == uint64(to) {
			fit = p.State == tracker.StateReplicate && r.inSync(to, p.Match)
		}
	})
	return fit
}

// Handing reports whether leadership is being handed over, or is to be.
func (r *Replica) Handing() bool { return r.handing.to != 0 }

// yield hands over if a change of members has left this leader out: nothing can be proposed any
// more.
func (r *Replica) yield() {
	if r.role != Leader || len(r.conf.GetVotersOutgoing()) > 0 || slices.Contains(r.conf.GetVoters(), uint64(r.id)) {
		return
	}
	var best Progress
	for _, p := range r.Progress() {
		if p.Replica != r.id && !p.Learner && p.InReach && p.Match >= best.Match {
			best = p
		}
	}
	if best.Replica != 0 {
		r.Transfer(best.Replica)
	}
}

// tickHandover calls the next leader again, or gives it up.
func (r *Replica) tickHandover() {
	h := &r.handing
	if h.to == 0 {
		return
	}
	h.left--
	lost := h.begun && r.node.BasicStatus().LeadTransferee == raft.None // raft gave it up
	switch {
	case lost, h.left <= 0:
		r.keepLeading()
	case h.begun:
		to := h.to
		r.node.TransferLeader(uint64(r.id))
		r.node.TransferLeader(uint64(to))
	default:
		r.beginHandover()
	}
}

// keepLeading gives a handover up. Raft does so when the leader is to hand over to itself.
func (r *Replica) keepLeading() {
	if r.handing.begun {
		r.node.TransferLeader(uint64(r.id))
	}
	r.handing = handover{}
}

// call is a leader's call to take over, which raft has not heard of yet.
type call struct {
	*raftpb.Message
	left int // ticks until it is forgotten
}

// calling marks a call with where the leader's log ends: whoever has more was called in vain, for
// the leader has gone on.
func (r *Replica) calling(m *raftpb.Message) { m.Index = new(r.last) }

// takeOver has raft stand for election once it can. Raft ignores a call before: while a change of
// members may be committed and is not applied, while a snapshot is not durable, or in a replica
// that does not vote as far as it knows.
func (r *Replica) takeOver() error {
	m := r.called.Message
	switch {
	case m == nil:
		return nil
	case m.GetTerm() != r.term(), m.GetIndex() != 0 && m.GetIndex() < r.last:
		// an older build does not say where its log ends
		r.called = call{}
		return nil
	case r.applied.Index < r.commit(), r.Restoring(), !r.voter():
		return nil
	}
	r.called = call{}
	return r.step(m)
}

func (r *Replica) tickCall() {
	if r.called.left--; r.called.left <= 0 {
		r.called = call{}
	}
}
