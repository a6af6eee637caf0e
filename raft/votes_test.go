package raft

import (
	"testing"

	"go.etcd.io/raft/v3/raftpb"
)

// TestVotesAreForOneLifeOfACandidate has a replica ask for votes with a log that its disk does not
// hold yet, and lose it in a crash. The votes, which are late, must not elect it in its next life:
// what it lost was committed.
func TestVotesAreForOneLifeOfACandidate(t *testing.T) {
	s := newScene(t)
	s.at(1).replica.Campaign()
	s.settle(s.at(1))
	s.run(among(1, 2, 3, 4, 5))
	base := s.at(1).replica.Status()
	call := &raftpb.Message{ // of a transfer that came to nothing, and late
		Type: raftpb.MsgTimeoutNow.Enum(), From: new(uint64(1)), To: new(uint64(2)), Term: new(base.Term), Index: new(base.Last),
	}
	s.stalled[2] = true
	s.propose(1, 'a', 8)
	s.run(among(1, 2, 3, 4))
	if got := s.at(1).replica.Status(); got.Commit != base.Last+1 || s.at(2).replica.Status().Last != base.Last+1 {
		t.Fatalf("%+v", s.states())
	}

	for _, m := range s.members[1:] {
		m.replica.ForgetLeader()
	}
	s.at(2).replica.Campaign()
	s.settle(s.at(2))
	var votes []*raftpb.Message
	s.run(func(m *raftpb.Message) bool {
		if m.GetType() == raftpb.MsgVoteResp {
			votes = append(votes, m)
			return false
		}
		return m.GetFrom() != 1 && m.GetTo() != 1
	})
	s.crash(s.at(2))
	s.network, s.stalled[2] = nil, false
	s.open(s.at(2))
	for _, m := range append([]*raftpb.Message{call}, votes...) {
		if err := s.at(2).replica.Step(m); err != nil {
			t.Fatal(err)
		}
		s.settle(s.at(2))
		s.run(func(*raftpb.Message) bool { return false })
	}
	if got := s.at(2).replica.Status(); got.Role == Leader {
		t.Fatalf("elected without the entry at %d, which is committed: %+v", base.Last+1, got)
	}
}

// A request for votes that waits for the disk is not sent any more when the election is lost:
// another leader of the term may have replaced the log that it speaks of.
func TestALostElectionAsksForNoVotes(t *testing.T) {
	s := newScene(t)
	s.at(1).replica.Campaign()
	s.settle(s.at(1))
	s.run(among(1, 2, 3, 4, 5))
	for _, m := range s.members[1:] {
		m.replica.ForgetLeader()
	}
	s.stalled[2] = true
	s.at(2).replica.Campaign()
	s.settle(s.at(2))
	s.run(func(m *raftpb.Message) bool { return m.GetFrom() != 1 && m.GetTo() != 1 })
	stands := s.at(2).replica.Status()
	if stands.Role != Candidate {
		t.Fatalf("it does not stand: %+v", stands)
	}
	lead := &raftpb.Message{Type: raftpb.MsgHeartbeat.Enum(), From: new(uint64(3)), To: new(uint64(2)), Term: new(stands.Term), Commit: new(uint64(0))}
	if err := s.at(2).replica.Step(lead); err != nil {
		t.Fatal(err)
	}
	s.settle(s.at(2))
	s.stalled[2] = false
	s.settle(s.at(2))
	s.run(func(m *raftpb.Message) bool {
		if m.GetType() == raftpb.MsgVote && m.GetFrom() == 2 {
			t.Error("it asks for votes in a term that has another leader")
		}
		return false
	})
}
