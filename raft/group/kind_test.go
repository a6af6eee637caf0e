package group

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/raft/coordination"
)

// strange is a kind of group that only this test knows.
type strange struct {
	*group
	due     int64
	charged int64
	refused *kerr.Error
}

func (s *strange) summary() summary {
	return summary{Type: "strange", State: "Odd", ProtocolType: "none", Members: 1}
}
func (s *strange) vacant() bool { return s.due == 0 }
func (s *strange) mayCommit(int64, *kmsg.OffsetCommitRequest) *kerr.Error {
	return kerr.FencedMemberEpoch
}
func (s *strange) mayFetch(string, int32) *kerr.Error { return kerr.StaleMemberEpoch }
func (s *strange) consumed() (func(string) bool, *kerr.Error) {
	return func(topic string) bool { return topic == "t" }, nil
}
func (s *strange) expiry(int64, int64) (func(offsetKey, offset) bool, bool) { return nil, false }
func (s *strange) tombstones() []coordination.Record                        { return nil }
func (s *strange) deadline() int64                                          { return s.due }
func (s *strange) expire(int64)                                             { s.due = 0 }
func (s *strange) shift(by int64)                                           { s.due += by }
func (s *strange) loaded(int64)                                             {}
func (s *strange) abandon(cause *kerr.Error)                                { s.refused = cause }
func (s *strange) bytes() int64                                             { return s.charged }

// Groups and their offsets know their members by the kind's interface only, and the classic
// protocol leaves those of other kinds alone.
func TestAGroupIsWhatItsKindSays(t *testing.T) {
	s := newScript()
	g := newClassic(s.core, "g", s.now).group
	k := &strange{group: g, due: s.now + 1000, charged: 10}
	g.kind = k
	s.core.put(g)
	g.charge(k.charged)

	listed := s.core.List([]string{"odd"}, []string{"Strange"})
	if len(listed) != 1 || listed[0].GroupType != "strange" || listed[0].ProtocolType != "none" {
		t.Errorf("listed as %+v", listed)
	}
	if got := s.core.Survey(s.known); len(got) != 1 || got[0].State != "Odd" || got[0].Members != 1 {
		t.Errorf("surveyed as %+v", got)
	}
	member := "m"
	if err := s.core.CheckFetch("g", &member, 1); err != kerr.StaleMemberEpoch {
		t.Errorf("a fetch: %v", err)
	}
	var code int16
	commit := kmsg.NewPtrOffsetCommitRequest()
	topic := kmsg.NewOffsetCommitRequestTopic()
	topic.Partitions = append(topic.Partitions, kmsg.NewOffsetCommitRequestTopicPartition())
	commit.Group, commit.Topics = "g", append(commit.Topics, topic)
	s.core.Commit(s.now, commit, s.known, func(r kmsg.Response) { code = r.(*kmsg.OffsetCommitResponse).Topics[0].Partitions[0].ErrorCode })
	if code != kerr.FencedMemberEpoch.Code {
		t.Errorf("a commit: %v", kerr.ErrorForCode(code))
	}
	for _, id := range []string{"", "m"} {
		join := kmsg.NewPtrJoinGroupRequest()
		join.Group, join.MemberID, join.SessionTimeoutMillis = "g", id, 10_000
		s.core.Join(s.now, Client{}, join, func(r kmsg.Response) { code = r.(*kmsg.JoinGroupResponse).ErrorCode })
		if code != kerr.InconsistentGroupProtocol.Code {
			t.Errorf("a join as %q: %v", id, kerr.ErrorForCode(code))
		}
	}
	beat := kmsg.NewPtrHeartbeatRequest()
	beat.Group, beat.MemberID = "g", "m"
	s.core.Heartbeat(s.now, beat, func(r kmsg.Response) { code = r.(*kmsg.HeartbeatResponse).ErrorCode })
	if code != kerr.UnknownMemberID.Code {
		t.Errorf("a heartbeat: %v", kerr.ErrorForCode(code))
	}

	s.core.Shift(500)
	if next := s.core.Next(); next != s.now+1500 {
		t.Errorf("due at %d, want %d", next, s.now+1500)
	}
	s.core.Expire(s.now + 1500)
	if len(s.core.groups) != 0 || s.core.memory.Taken() != 0 {
		t.Errorf("%d groups and %d bytes are left of one that is vacant", len(s.core.groups), s.core.memory.Taken())
	}
	s.core.put(g)
	if s.core.Abandon(kerr.NotCoordinator); k.refused != kerr.NotCoordinator {
		t.Errorf("who waits was told %v", k.refused)
	}
}
