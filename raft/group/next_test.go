package group

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// flooded has groups with as many ids handed out as a group takes.
func flooded(groups int) *script {
	s := newScript()
	for g := range groups {
		for range maxPending + 1 {
			r := kmsg.NewPtrJoinGroupRequest()
			r.Version, r.Group, r.SessionTimeoutMillis, r.ProtocolType = 4, fmt.Sprint("flood", g), 60_000, "consumer"
			r.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range"}}
			s.core.Join(s.now, Client{}, r, func(kmsg.Response) {})
		}
	}
	return s
}

// Ids are handed out to so many and no more, and are forgotten in time.
func TestIdsThatAreHandedOutAreBounded(t *testing.T) {
	s := flooded(1)
	if n := len(s.core.classicOf("flood0").pending); n != maxPending {
		t.Errorf("%d ids are handed out, want %d", n, maxPending)
	}
	s.wait(60_000)
	if len(s.core.groups) != 0 || s.core.memory.Taken() != 0 {
		t.Errorf("%d groups and %d bytes are left", len(s.core.groups), s.core.memory.Taken())
	}
}

// What is beyond the budget is refused; who is in lives on, and what is given back is there for
// others.
func TestGroupsKeepToTheirBudget(t *testing.T) {
	s := newScript()
	b := &purse{left: 100_000}
	s.config.Budget = b
	s.core = New(s.config, s.newID)
	commit := func(group string, partition int32) (code int16) {
		r := kmsg.NewPtrOffsetCommitRequest()
		topic, part := kmsg.NewOffsetCommitRequestTopic(), kmsg.NewOffsetCommitRequestTopicPartition()
		topic.Topic, part.Partition = "t", partition
		topic.Partitions = append(topic.Partitions, part)
		r.Version, r.Group, r.Generation, r.Topics = 9, group, -1, append(r.Topics, topic)
		s.core.Commit(s.now, r, s.known, func(r kmsg.Response) { code = r.(*kmsg.OffsetCommitResponse).Topics[0].Partitions[0].ErrorCode })
		s.settle()
		return code
	}
	made := 0
	for code := int16(0); code == 0; made++ {
		code = commit(fmt.Sprint("g", made), 0)
	}
	if b.left < 0 || made < 50 {
		t.Errorf("%d groups, %d bytes left", made, b.left)
	}
	if code := commit("g0", 0); code != 0 {
		t.Errorf("who is there may not commit: %d", code)
	}
	join := kmsg.NewPtrJoinGroupRequest()
	join.Version, join.Group, join.SessionTimeoutMillis, join.ProtocolType = 3, "g0", 60_000, "consumer"
	join.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range", Metadata: make([]byte, 10_000)}}
	var code int16
	s.core.Join(s.now, Client{}, join, func(r kmsg.Response) { code = r.(*kmsg.JoinGroupResponse).ErrorCode })
	if code == 0 {
		t.Error("a member is taken that there is no memory for")
	}
	s.wait(2 * s.config.OffsetsRetentionMS)
	s.core.ApplyRetention(s.now)
	s.settle()
	if b.left != 100_000 {
		t.Errorf("%d bytes are left of 100,000 with nothing there", b.left)
	}
}

// A group whose members are all away is looked at now and then, whatever they chose: with a
// rebalance timeout of 0 it was every millisecond, until their sessions ended.
func TestWhoIsAwayCostsNoTurns(t *testing.T) {
	s := newScript()
	away := "away"
	join := func(instance *string) (id string) {
		r := kmsg.NewPtrJoinGroupRequest()
		r.Version, r.Group, r.InstanceID, r.SessionTimeoutMillis, r.ProtocolType = 3, "g", instance, 60_000, "consumer"
		r.RebalanceTimeoutMillis = 0
		r.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range"}}
		s.core.Join(s.now, Client{}, r, func(kmsg.Response) {})
		for id, m := range s.core.classicOf("g").members {
			if m.instance == instance {
				return id
			}
		}
		return ""
	}
	s.config.InitialRebalanceDelayMS = 0
	s.core = New(s.config, s.newID)
	first := join(&away)
	sync := kmsg.NewPtrSyncGroupRequest()
	sync.Group, sync.MemberID, sync.InstanceID, sync.Generation = "g", first, &away, 1
	s.core.Sync(s.now, sync, func(kmsg.Response) {})
	s.settle()
	leave := kmsg.NewPtrLeaveGroupRequest()
	leave.Group, leave.MemberID = "g", join(nil)
	s.core.Leave(s.now, leave, func(kmsg.Response) {})
	if s.core.classicOf("g").state != preparing {
		t.Fatalf("the group is %s", s.core.classicOf("g").state)
	}
	turns := 0
	for ; len(s.core.classicOf("g").members) > 0 && turns < 1000; turns++ {
		s.now = max(s.core.Next(), s.now+1)
		s.core.Expire(s.now)
	}
	if turns > 70 {
		t.Errorf("%d turns until a session of 60 s has ended", turns)
	}
}

type purse struct{ left int64 }

func (p *purse) Take(n int64) { p.left -= n }
func (p *purse) Left() int64  { return p.left }

// BenchmarkNextBesideAFlood is what a turn pays for groups that others flood.
func BenchmarkNextBesideAFlood(b *testing.B) {
	s := flooded(20)
	r := kmsg.NewPtrHeartbeatRequest()
	r.Group = "calm"
	for b.Loop() {
		s.core.Heartbeat(s.now, r, func(kmsg.Response) {})
		s.core.Next()
	}
}
