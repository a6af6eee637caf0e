package raft

import (
	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/storage"
)

// A commit index alone is not synced, so after a crash a replica may have forgotten that a change of members is committed, while those that left know. It
// then asks them for votes, which they refuse because their logs are longer, and they do not stand for election, being no members: for ever. So whoever
// answers about a vote tells how far it has applied, and who asked believes it as far as its own log says the same: an entry of the same
// index and term is the same entry, and committed for one is committed for all.

// attest adds to an answer about a vote what this replica knows to be committed.
func (r *Replica) attest(m *raftpb.Message) {
	if vote(m.GetType()) && r.applied.Index > 0 {
		m.Commit, m.LogTerm = new(r.applied.Index), new(r.applied.Term)
	}
}

func vote(t raftpb.MessageType) bool {
	return t == raftpb.MsgVoteResp || t == raftpb.MsgPreVoteResp
}

// believe learns from an answer about a vote what is committed.
func (r *Replica) believe(m *raftpb.Message) error {
	at := storage.Position{Index: m.GetCommit(), Term: m.GetLogTerm()}
	if !vote(m.GetType()) || r.role == Leader || at.Index <= r.node.BasicStatus().GetCommit() || at.Index > r.log.last.Index {
		return nil
	}
	if term, err := r.log.Term(at.Index); err != nil || term != at.Term {
		return r.log.failed
	}
	// Raft takes a commit index from a leader only.
	err := r.step(&raftpb.Message{
		Type: raftpb.MsgHeartbeat.Enum(), From: m.From, To: m.To, Term: new(r.node.BasicStatus().GetTerm()), Commit: new(at.Index),
	})
	r.ForgetLeader()
	return err
}
