package raft

import (
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"go.etcd.io/raft/v3/tracker"

	"github.com/troupe-mq/troupe/storage"
)

// Beat is what goes to and fro between two members of a shard in which nothing happens: the
// leader's heartbeat, and the answer to it. Immutable.
type Beat struct {
	With storage.ReplicaID
	Out  *raftpb.Message // what this replica says
	In   *raftpb.Message // what it hears
}

// Expects reports whether a message is what an idle replica hears at a beat, so that to step it
// changes nothing but when its sender was heard of last. A heartbeat that asks something (a read's
// round) is not.
func (b *Beat) Expects(m *raftpb.Message) bool {
	return m.GetType() == b.In.GetType() && m.GetFrom() == b.In.GetFrom() && m.GetTo() == b.In.GetTo() && m.GetTerm() == b.In.GetTerm() &&
		m.GetCommit() <= b.In.GetCommit() && len(m.Context) == 0 && !m.GetReject()
}

// Idle returns the beats of a replica in whose shard nothing is open as far as it knows: all of its
// log is committed, applied and durable, and nothing is pulled, handed over or changed; of a leader
// also, that every member has all of the log and was heard of since the heartbeat before the last.
// nil if that is not so.
//
// As long as no other message comes, an idle replica is the same after a beat as before it, but for
// when the others were heard of. So beats need not be stepped one by one: it is enough to step the
// last ones before time goes on. Ready must have been called since the last Step.
func (r *Replica) Idle() []Beat {
	if !r.atRest() {
		return nil
	}
	if r.role != Leader {
		return []Beat{r.answering()}
	}
	beats := []Beat{} // none in a shard of one
	whole := true
	r.node.WithProgress(func(id uint64, _ raft.ProgressType, p tracker.Progress) {
		m := storage.ReplicaID(id)
		if m == r.id {
			return
		}
		whole = whole && p.State == tracker.StateReplicate && p.Match == r.last && r.quorum.last[m]+uint64(r.limits.HeartbeatTicks) >= r.quorum.now
		beats = append(beats, r.leading(m))
	})
	if !whole {
		return nil
	}
	return beats
}

// atRest reports whether nothing is open in this replica itself.
func (r *Replica) atRest() bool {
	s := r.node.BasicStatus()
	switch {
	case r.leader == 0, r.blank(), r.role == Candidate:
		return false
	case r.handing.to != 0 || r.called.Message != nil:
		return false
	case r.applied.Index != r.last || s.GetCommit() != r.last || s.LeadTransferee != 0:
		return false
	case r.owes():
		return false
	case len(r.conf.GetVotersOutgoing()) > 0 || r.role == Leader && !r.voter():
		return false
	}
	return r.role != Leader || r.applied.Term == s.GetTerm()
}

// owes reports whether something came in, or was handed out, that has not ended.
func (r *Replica) owes() bool {
	return len(r.inflight)+len(r.offers)+len(r.doubtful)+len(r.pins) > 0 || r.hint.wait > 0 || r.restored > 0 || r.pull.offer != nil
}

// leading is a leader's beat with another member.
func (r *Replica) leading(m storage.ReplicaID) Beat {
	return Beat{m, r.heartbeat(r.id, m), r.answer(m, r.id)}
}

// answering is a follower's beat with its leader.
func (r *Replica) answering() Beat {
	return Beat{r.leader, r.answer(r.id, r.leader), r.heartbeat(r.leader, r.id)}
}

func (r *Replica) heartbeat(from, to storage.ReplicaID) *raftpb.Message {
	return &raftpb.Message{Type: raftpb.MsgHeartbeat.Enum(), From: new(uint64(from)), To: new(uint64(to)), Term: new(r.term()), Commit: new(r.last)}
}

func (r *Replica) answer(from, to storage.ReplicaID) *raftpb.Message {
	return &raftpb.Message{Type: raftpb.MsgHeartbeatResp.Enum(), From: new(uint64(from)), To: new(uint64(to)), Term: new(r.term())}
}
