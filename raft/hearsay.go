package raft

import (
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/storage"
)

// A commit index alone is not synced, so after a crash a replica may have forgotten that a change
// of members is committed, while those that left know. It then asks them for votes, which they
// refuse because their logs are longer, and they do not stand for election, being no members: for
// ever. So whoever answers about a vote tells how far it has applied, and who asked believes it as
// far as its own log says the same: an entry of the same index and term is the same entry, and
// committed for one is committed for all. It does so only when the election came to nothing,
// because a candidate that learns anything from anybody is one no more.

// hearsay is what the answer to a vote told about what is committed.
type hearsay struct {
	storage.Position
	from storage.ReplicaID
	wait int // ticks until it is believed; 0 if nothing was told
}

// attest adds to an answer about a vote what this replica knows to be committed.
func (r *Replica) attest(m *raftpb.Message) {
	if vote(m.GetType()) && r.applied.Index > 0 {
		m.Commit, m.LogTerm = new(r.applied.Index), new(r.applied.Term)
	}
}

func vote(t raftpb.MessageType) bool {
	return t == raftpb.MsgVoteResp || t == raftpb.MsgPreVoteResp
}

// hear keeps what an answer about a vote tells.
func (r *Replica) hear(m *raftpb.Message) {
	at := storage.Position{Index: m.GetCommit(), Term: m.GetLogTerm()}
	// what is after the end of this log does not help it
	if !vote(m.GetType()) || at.Index <= max(r.commit(), r.told.Index) || at.Index > r.last {
		return
	}
	wait := r.told.wait
	if wait == 0 {
		wait = r.limits.ElectionTicks
	}
	r.told = hearsay{Position: at, from: storage.ReplicaID(m.GetFrom()), wait: wait}
}

// tickHearsay believes what was told once nobody was elected for the time of an election.
func (r *Replica) tickHearsay() {
	if r.told.wait == 0 {
		return
	}
	if r.node.BasicStatus().Lead != raft.None || r.told.Index <= r.commit() {
		r.told = hearsay{}
		return
	}
	if r.told.wait--; r.told.wait == 0 {
		r.believe(r.told)
		r.told = hearsay{}
	}
}

// believe learns what is committed if this replica's log holds the same. Raft takes a commit index
// from a leader only, so it is given an append without entries that follows the entry in question:
// then raft compares, with the log as it is at this moment. What is durable may be another log.
func (r *Replica) believe(h hearsay) {
	_ = r.step(&raftpb.Message{
		Type: raftpb.MsgApp.Enum(), From: new(uint64(h.from)), To: new(uint64(r.id)), Term: new(r.term()),
		Index: new(h.Index), LogTerm: new(h.Term), Commit: new(h.Index),
	})
	r.ForgetLeader()
}
