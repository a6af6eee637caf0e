package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/access"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/group"
)

// joinGroup has a member join its group.
func joinGroup(c *Call) {
	request := c.Body.(*kmsg.JoinGroupRequest)
	c.Group(request.Group, access.Read).Do(func(now int64, core *group.Coordinator) {
		core.Join(now, c.client(), request, c.Answer)
	}, func(err *protocol.Error) {
		r := request.ResponseKind().(*kmsg.JoinGroupResponse)
		none := ""
		r.ErrorCode, r.Generation, r.MemberID, r.Protocol = err.Kafka.Code, -1, request.MemberID, &none
		c.Answer(r)
	})
}

// syncGroup gives a member its assignment, and takes the leader's.
func syncGroup(c *Call) {
	request := c.Body.(*kmsg.SyncGroupRequest)
	c.Group(request.Group, access.Read).Do(func(now int64, core *group.Coordinator) {
		core.Sync(now, request, c.Answer)
	}, func(err *protocol.Error) {
		r := request.ResponseKind().(*kmsg.SyncGroupResponse)
		r.ErrorCode, r.MemberAssignment = err.Kafka.Code, []byte{}
		c.Answer(r)
	})
}

// heartbeat keeps a member's session alive.
func heartbeat(c *Call) {
	request := c.Body.(*kmsg.HeartbeatRequest)
	c.Group(request.Group, access.Read).Do(func(now int64, core *group.Coordinator) {
		core.Heartbeat(now, request, c.Answer)
	}, func(err *protocol.Error) {
		r := request.ResponseKind().(*kmsg.HeartbeatResponse)
		r.ErrorCode = err.Kafka.Code
		c.Answer(r)
	})
}

// leaveGroup takes members out of their group.
func leaveGroup(c *Call) {
	request := c.Body.(*kmsg.LeaveGroupRequest)
	c.Group(request.Group, access.Read).Do(func(now int64, core *group.Coordinator) {
		core.Leave(now, request, c.Answer)
	}, func(err *protocol.Error) {
		r := request.ResponseKind().(*kmsg.LeaveGroupResponse)
		r.ErrorCode = err.Kafka.Code
		c.Answer(r)
	})
}
