package group

import (
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func (s *script) join(a args, group string) {
	r := kmsg.NewPtrJoinGroupRequest()
	r.Version = int16(a.number("version", 9))
	r.Group, r.MemberID, r.InstanceID = group, a.text("id", ""), a.maybe("instance")
	r.SessionTimeoutMillis, r.RebalanceTimeoutMillis = int32(a.number("session", 10_000)), int32(a.number("rebalance", 30_000))
	r.ProtocolType = a.text("type", "consumer")
	for p := range strings.SplitSeq(a.text("protocols", "range/t"), ",") {
		protocol, topic, _ := strings.Cut(p, "/")
		subscription := kmsg.NewConsumerMemberMetadata()
		subscription.Topics = []string{topic}
		if a.HasArg("owned") {
			subscription.UserData = []byte("what it owned")
		}
		subscription.UserData = append(subscription.UserData, make([]byte, a.number("subscription", 0))...)
		rp := kmsg.NewJoinGroupRequestProtocol()
		rp.Name, rp.Metadata = protocol, subscription.AppendTo(nil)
		r.Protocols = append(r.Protocols, rp)
	}
	who := a.text("as", "?")
	s.core.Join(s.now, Client{who, "/host"}, r, func(r kmsg.Response) { s.joined(who, r.(*kmsg.JoinGroupResponse)) })
}

func (s *script) joined(who string, r *kmsg.JoinGroupResponse) {
	if r.ErrorCode != 0 {
		s.say("%s: join %s id=%s", who, code(r.ErrorCode), r.MemberID)
		return
	}
	line := fmt.Sprintf("%s: joined id=%s gen=%d leader=%s protocol=%s", who, r.MemberID, r.Generation, r.LeaderID, *r.Protocol)
	for _, m := range r.Members {
		line += " " + m.MemberID
		if m.InstanceID != nil {
			line += "(" + *m.InstanceID + ")"
		}
	}
	if r.SkipAssignment {
		line += " skip-assignment"
	}
	s.say("%s", line)
}

func (s *script) sync(a args, group string) {
	r := kmsg.NewPtrSyncGroupRequest()
	r.Version, r.Group, r.MemberID, r.Generation, r.InstanceID = 5, group, a.text("id", ""), int32(a.number("gen", -1)), a.maybe("instance")
	r.Protocol = a.maybe("protocol")
	for assign := range strings.SplitSeq(a.text("assign", ""), ",") {
		if id, what, ok := strings.Cut(assign, "/"); ok {
			ra := kmsg.NewSyncGroupRequestGroupAssignment()
			ra.MemberID, ra.MemberAssignment = id, []byte(what)
			r.GroupAssignment = append(r.GroupAssignment, ra)
		}
	}
	who := a.text("as", "?")
	s.core.Sync(s.now, r, func(r kmsg.Response) {
		if o := r.(*kmsg.SyncGroupResponse); o.ErrorCode != 0 {
			s.say("%s: sync %s", who, code(o.ErrorCode))
		} else {
			s.say("%s: synced %q", who, o.MemberAssignment)
		}
	})
}

func (s *script) leave(a args, group string) {
	r := kmsg.NewPtrLeaveGroupRequest()
	r.Version, r.Group, r.MemberID = int16(a.number("version", 5)), group, a.text("id", "")
	m := kmsg.NewLeaveGroupRequestMember()
	m.MemberID, m.InstanceID = r.MemberID, a.maybe("instance")
	r.Members = append(r.Members, m)
	s.core.Leave(s.now, r, func(resp kmsg.Response) {
		o := resp.(*kmsg.LeaveGroupResponse)
		if r.Version >= 3 && o.ErrorCode == 0 {
			s.say("%s", code(o.Members[0].ErrorCode))
			return
		}
		s.say("%s", code(o.ErrorCode))
	})
}

func (s *script) commit(a args, group string) {
	r := kmsg.NewPtrOffsetCommitRequest()
	r.Version, r.Group, r.MemberID, r.Generation, r.InstanceID = int16(a.number("version", 9)), group, a.text("id", ""), int32(a.number("gen", -1)), a.maybe("instance")
	r.RetentionTimeMillis = a.number("keep", -1)
	t, p := kmsg.NewOffsetCommitRequestTopic(), kmsg.NewOffsetCommitRequestTopicPartition()
	t.Topic, p.Partition, p.Offset, p.Metadata = a.text("topic", "t"), int32(a.number("partition", 0)), a.number("at", 0), a.maybe("meta")
	t.Partitions = append(t.Partitions, p)
	r.Topics = append(r.Topics, t)
	s.core.Commit(s.now, r, s.known, func(r kmsg.Response) {
		s.say("commit %s", code(r.(*kmsg.OffsetCommitResponse).Topics[0].Partitions[0].ErrorCode))
	})
}
