package raft

import (
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/storage"
)

// A replica that crashed may have forgotten that a change of members is committed, since a commit
// index alone is not synced, while those that left know it. It then asks them for votes, which they
// refuse because their logs are longer, and they do not stand for election, being no members: for
// ever. So every answer about a vote carries a commit hint: how far the one that answers has
// applied. A candidate follows the hint if its own log has the same entry, by index and term:
// committed for one is committed for all. It does so only when the election came to nothing,
// because a candidate that learns a commit index is a candidate no more.

// commitHint is the newest commit index, and its term, that an answer about a vote carried.
type commitHint struct {
	storage.Position
	from storage.ReplicaID
	wait int // ticks until it is followed; 0 if there is none
}

// addHint adds to an answer about a vote what this replica knows to be committed.
func (r *Replica) addHint(m *raftpb.Message) {
	if vote(m.GetType()) && r.applied.Index > 0 {
		m.Commit, m.LogTerm = new(r.applied.Index), new(r.applied.Term)
	}
}

func vote(t raftpb.MessageType) bool {
	return t == raftpb.MsgVoteResp || t == raftpb.MsgPreVoteResp
}

// keepHint keeps the hint of an answer about a vote, if it is newer than the last one.
func (r *Replica) keepHint(m *raftpb.Message) {
	at := storage.Position{Index: m.GetCommit(), Term: m.GetLogTerm()}
	// what is after the end of this log does not help it
	if !vote(m.GetType()) || at.Index <= max(r.commit(), r.hint.Index) || at.Index > r.last {
		return
	}
	wait := r.hint.wait
	if wait == 0 {
		wait = r.limits.ElectionTicks
	}
	r.hint = commitHint{Position: at, from: storage.ReplicaID(m.GetFrom()), wait: wait}
}

// tickHint follows the hint once nobody was elected for the time of an election.
func (r *Replica) tickHint() {
	if r.hint.wait == 0 {
		return
	}
	if r.node.BasicStatus().Lead != raft.None || r.hint.Index <= r.commit() {
		r.hint = commitHint{}
		return
	}
	if r.hint.wait--; r.hint.wait == 0 {
		r.followHint(r.hint)
		r.hint = commitHint{}
	}
}

// followHint learns what is committed if this replica's log holds the same. Raft takes a commit
// index from a leader only, so it is given an append without entries that follows the entry in
// question: then raft compares, with the log as it is at this moment. What is durable may be
// another log.
func (r *Replica) followHint(h commitHint) {
	_ = r.step(&raftpb.Message{
		Type: raftpb.MsgApp.Enum(), From: new(uint64(h.from)), To: new(uint64(r.id)), Term: new(r.term()),
		Index: new(h.Index), LogTerm: new(h.Term), Commit: new(h.Index),
	})
	r.ForgetLeader()
}
