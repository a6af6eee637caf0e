package group

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/raft/coordination"
)

// Sync takes a SyncGroup request (KIP-559).
func (c *Coordinator) Sync(now int64, r *kmsg.SyncGroupRequest, reply coordination.Reply) {
	w := &waiting{r, c.held(r.Group, reply, func(err *kerr.Error) kmsg.Response { return refusedSync(r, err) })}
	g := c.classicOf(r.Group)
	if g == nil {
		w.refuseSync(kerr.UnknownMemberID)
		return
	}
	m, refused := g.known(r.MemberID, r.InstanceID)
	switch {
	case refused != nil:
		w.refuseSync(refused)
	case g.begunBefore(r.Generation):
		m.heard(now)
		w.refuseSync(kerr.RebalanceInProgress)
	case r.Generation != g.generation:
		w.refuseSync(kerr.IllegalGeneration)
	case r.ProtocolType != nil && *r.ProtocolType != g.protocolType, r.Protocol != nil && *r.Protocol != g.protocol:
		w.refuseSync(kerr.InconsistentGroupProtocol)
	case g.state == preparing:
		w.refuseSync(kerr.RebalanceInProgress)
	case g.state == completing:
		g.await(now, m, w, r)
	case g.state == stable:
		g.answerSync(now, m, w)
	default:
		w.refuseSync(kerr.UnknownMemberID)
	}
}

// await keeps a member waiting for the leader's assignment; the leader brings it.
func (g *classic) await(now int64, m *member, w *waiting, r *kmsg.SyncGroupRequest) {
	if m.sync != nil {
		m.sync.refuseSync(kerr.RebalanceInProgress)
	}
	m.sync = w
	m.heard(now)
	if m.id != g.leader {
		return
	}
	assignments := make(map[string][]byte, len(g.members))
	for id := range g.members {
		assignments[id] = []byte{}
	}
	for _, a := range r.GroupAssignment {
		if g.members[a.MemberID] != nil {
			assignments[a.MemberID] = a.MemberAssignment
		}
	}
	if err := g.write([]coordination.Record{g.record(now, assignments)}); err != nil {
		if err == kerr.RecordListTooLarge {
			err = kerr.UnknownServerError // as Kafka: members know no better
		}
		g.abandonSync(now, err)
		g.prepare(now)
		g.tryComplete(now)
		return
	}
	for _, m := range g.inOrder() {
		if w := m.sync; w != nil {
			m.sync = nil
			g.answerSync(now, m, w)
		}
	}
}

func (g *classic) answerSync(now int64, m *member, w *waiting) {
	g.answered(m, now)
	r := w.request.ResponseKind().(*kmsg.SyncGroupResponse)
	protocol, protocolType := g.protocol, g.protocolType
	r.MemberAssignment, r.Protocol, r.ProtocolType = m.assignment, &protocol, &protocolType
	if r.MemberAssignment == nil {
		r.MemberAssignment = []byte{}
	}
	w.reply(r)
}

func (w *waiting) refuseSync(err *kerr.Error) {
	w.reply(refusedSync(w.request.(*kmsg.SyncGroupRequest), err))
}

func refusedSync(request *kmsg.SyncGroupRequest, err *kerr.Error) kmsg.Response {
	r := request.ResponseKind().(*kmsg.SyncGroupResponse)
	r.ErrorCode, r.MemberAssignment = err.Code, []byte{}
	return r
}

// Heartbeat takes a Heartbeat request.
func (c *Coordinator) Heartbeat(now int64, r *kmsg.HeartbeatRequest, reply coordination.Reply) {
	reply = c.held(r.Group, reply, func(err *kerr.Error) kmsg.Response {
		out := r.ResponseKind().(*kmsg.HeartbeatResponse)
		out.ErrorCode = err.Code
		return out
	})
	out := r.ResponseKind().(*kmsg.HeartbeatResponse)
	if err := c.beat(now, r); err != nil {
		out.ErrorCode = err.Code
	}
	reply(out)
}

func (c *Coordinator) beat(now int64, r *kmsg.HeartbeatRequest) *kerr.Error {
	g := c.classicOf(r.Group)
	if g == nil {
		return kerr.UnknownMemberID
	}
	m, refused := g.known(r.MemberID, r.InstanceID)
	switch {
	case refused != nil:
		return refused
	case g.state == empty:
		return kerr.UnknownMemberID
	case g.begunBefore(r.Generation):
		m.heard(now)
		return kerr.RebalanceInProgress
	case r.Generation != g.generation:
		return kerr.IllegalGeneration
	}
	m.heard(now)
	if g.state == preparing {
		return kerr.RebalanceInProgress
	}
	return nil
}

// Leave takes a LeaveGroup request; from version 3 on several members at once, static ones by
// instance id (KIP-345).
func (c *Coordinator) Leave(now int64, r *kmsg.LeaveGroupRequest, reply coordination.Reply) {
	reply = c.held(r.Group, reply, func(err *kerr.Error) kmsg.Response {
		out := r.ResponseKind().(*kmsg.LeaveGroupResponse)
		out.ErrorCode = err.Code
		return out
	})
	out := r.ResponseKind().(*kmsg.LeaveGroupResponse)
	g := c.classicOf(r.Group)
	if r.Version < 3 {
		if err := g.leaveOne(now, r.MemberID, nil); err != nil {
			out.ErrorCode = err.Code
		}
		reply(out)
		return
	}
	for _, m := range r.Members {
		answer := kmsg.NewLeaveGroupResponseMember()
		answer.MemberID, answer.InstanceID = m.MemberID, m.InstanceID
		if err := g.leaveOne(now, m.MemberID, m.InstanceID); err != nil {
			answer.ErrorCode = err.Code
		}
		out.Members = append(out.Members, answer)
	}
	reply(out)
}

func (g *classic) leaveOne(now int64, id string, instance *string) *kerr.Error {
	if g == nil {
		return kerr.UnknownMemberID
	}
	if instance == nil && g.expected(id) {
		g.tryComplete(now)
		g.in.tidy(g.group)
		return nil
	}
	if instance != nil && id == "" {
		id = g.static[*instance]
	}
	m, refused := g.known(id, instance)
	if refused != nil {
		return refused
	}
	g.leave(now, m, kerr.UnknownMemberID)
	return nil
}
