package group

import (
	"bytes"
	"maps"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/raft/coordination"
)

// Client is who sends a request.
type Client struct{ ID, Host string }

// Join takes a JoinGroup request (KIP-134, KIP-345, KIP-394, KIP-559, KIP-800, KIP-814).
func (c *Coordinator) Join(now int64, client Client, r *kmsg.JoinGroupRequest, reply coordination.Reply) {
	w := &waiting{r, c.held(r.Group, reply, func(err *kerr.Error) kmsg.Response { return refusedJoin(r, r.MemberID, err) })}
	if err := c.refusedJoin(r); err != nil {
		w.refuseJoin(r.MemberID, err)
		return
	}
	r.Protocols = once(r.Protocols)
	client = Client{cut(client.ID, maxClientBytes), client.Host}
	g := c.classicOf(r.Group)
	if g == nil {
		switch {
		case c.groups[r.Group] != nil:
			w.refuseJoin(r.MemberID, kerr.InconsistentGroupProtocol)
			return
		case r.MemberID != "":
			w.refuseJoin(r.MemberID, kerr.UnknownMemberID)
			return
		case !c.memory.Room(groupOverhead):
			w.refuseJoin(r.MemberID, kerr.CoordinatorNotAvailable)
			return
		}
		g = newClassic(c, r.Group, now)
		c.put(g.group)
	}
	switch {
	case !g.supports(r.ProtocolType, r.Protocols):
		w.refuseJoin(r.MemberID, kerr.InconsistentGroupProtocol)
	case !g.hasRoom(r, c.config.MaxSize):
		w.refuseJoin("", kerr.GroupMaxSizeReached)
	case !g.fits(r):
		w.refuseJoin(r.MemberID, kerr.CoordinatorNotAvailable)
	case r.MemberID == "":
		g.joinNew(now, client, w, r)
	default:
		g.joinKnown(now, client, w, r)
	}
	c.tidy(g.group)
}

func (g *classic) hasRoom(r *kmsg.JoinGroupRequest, limit int) bool {
	if m := g.members[r.MemberID]; m != nil {
		return true
	}
	if r.InstanceID != nil && g.static[*r.InstanceID] != "" {
		return true
	}
	return len(g.members) < limit
}

// fits reports whether there is memory for what a join brings. Who is a member may always join
// again as it was.
func (g *classic) fits(r *kmsg.JoinGroupRequest) bool {
	next := (&member{id: r.MemberID, instance: r.InstanceID, protocols: r.Protocols}).size()
	m := g.members[r.MemberID]
	if r.InstanceID != nil && m == nil {
		m = g.members[g.static[*r.InstanceID]]
	}
	if m != nil {
		return g.room(next - m.bytes - slightly)
	}
	return g.room(next)
}

// joinNew lets somebody without a member id in.
func (g *classic) joinNew(now int64, client Client, w *waiting, r *kmsg.JoinGroupRequest) {
	prefix := client.ID
	if r.InstanceID != nil {
		prefix = *r.InstanceID
	}
	id := prefix + "-" + g.in.newID()
	switch {
	case r.InstanceID != nil && g.static[*r.InstanceID] != "":
		g.replaceStatic(now, id, client, w, r)
	case r.InstanceID == nil && r.Version >= 4:
		if len(g.pending) >= maxPending {
			w.refuseJoin("", kerr.CoordinatorNotAvailable)
			return
		}
		g.expect(id, now+int64(r.SessionTimeoutMillis))
		w.refuseJoin(id, kerr.MemberIDRequired)
	default:
		g.addMember(now, id, client, w, r)
	}
}

// joinKnown takes a join of somebody who has a member id.
func (g *classic) joinKnown(now int64, client Client, w *waiting, r *kmsg.JoinGroupRequest) {
	if g.expected(r.MemberID) {
		g.addMember(now, r.MemberID, client, w, r)
		return
	}
	m, refused := g.known(r.MemberID, r.InstanceID)
	if refused != nil {
		w.refuseJoin(r.MemberID, refused)
		return
	}
	switch {
	case g.state == preparing:
		g.rejoin(now, m, w, r)
	case g.state == completing && sameProtocols(m.protocols, r.Protocols),
		g.state == stable && m.id != g.leader && sameProtocols(m.protocols, r.Protocols):
		g.answerJoin(now, m, w)
	case g.state == completing || g.state == stable:
		g.rejoin(now, m, w, r)
	default:
		w.refuseJoin(r.MemberID, kerr.UnknownMemberID)
	}
}

// known finds a member by its id and instance.
func (g *classic) known(id string, instance *string) (*member, *kerr.Error) {
	if instance != nil {
		switch at := g.static[*instance]; {
		case at == "":
			return nil, kerr.UnknownMemberID
		case at != id:
			return nil, kerr.FencedInstanceID
		}
	}
	m := g.members[id]
	if m == nil {
		return nil, kerr.UnknownMemberID
	}
	return m, nil
}

func (g *classic) addMember(now int64, id string, client Client, w *waiting, r *kmsg.JoinGroupRequest) {
	m := &member{id: id, instance: r.InstanceID, clientID: client.ID, clientHost: client.Host}
	g.add(m)
	g.protocolType = r.ProtocolType
	g.newcomers = true
	g.rejoin(now, m, w, r)
}

// rejoin notes what a member wants now and has the group rebalance.
func (g *classic) rejoin(now int64, m *member, w *waiting, r *kmsg.JoinGroupRequest) {
	g.take(m, r)
	g.settle(m)
	// the member asks again: the earlier request is answered no more usefully than so
	if m.join != nil {
		m.join.refuseJoin(m.id, kerr.RebalanceInProgress)
	}
	m.join = w
	m.heard(now)
	g.prepare(now)
	g.tryComplete(now)
}

// take notes what a join request says of a member.
func (g *classic) take(m *member, r *kmsg.JoinGroupRequest) {
	g.offer(m, r.Protocols)
	m.sessionMS = r.SessionTimeoutMillis
	m.rebalanceMS = r.RebalanceTimeoutMillis
	if r.Version == 0 || m.rebalanceMS < 0 {
		m.rebalanceMS = r.SessionTimeoutMillis
	}
}

// replaceStatic gives a static member that came back another member id; the old one is fenced
// (KIP-345). A stable group need not rebalance if nothing changes that its assignment rests on.
func (g *classic) replaceStatic(now int64, id string, client Client, w *waiting, r *kmsg.JoinGroupRequest) {
	old := g.members[g.static[*r.InstanceID]]
	old.refuse(kerr.FencedInstanceID)
	led := g.leader == old.id
	m := &member{id: id, instance: r.InstanceID, clientID: client.ID, clientHost: client.Host, assignment: old.assignment, order: old.order, bytes: old.bytes}
	g.displace(old)
	g.place(m)
	if led {
		g.leader = id
	}
	g.take(m, r)
	if g.state != stable || g.choose() != g.protocol || !sameTopics(old.metadata(g.protocol), m.metadata(g.protocol), g.protocolType) {
		g.rejoin(now, m, w, r)
		return
	}
	if err := g.write([]coordination.Record{g.record(now, nil)}); err != nil {
		g.displace(m)
		g.place(old)
		if led {
			g.leader = old.id
		}
		w.refuseJoin(id, err)
		return
	}
	g.settle(m)
	g.answerJoin(now, m, w)
}

// sameTopics reports whether two subscriptions of a consumer name the same topics. What else stands
// in them (what it owned, where it runs) is of interest at the next rebalance only. Other types'
// metadata is theirs.
func sameTopics(a, b []byte, protocolType string) bool {
	if protocolType != consumerType || bytes.Equal(a, b) {
		return true
	}
	x, known := topicsOf(a)
	y, ok := topicsOf(b)
	return known && ok && maps.Equal(x, y)
}

// answerJoin tells a member the generation that it is part of.
func (g *classic) answerJoin(now int64, m *member, w *waiting) {
	g.answered(m, now)
	request := w.request.(*kmsg.JoinGroupRequest)
	r := request.ResponseKind().(*kmsg.JoinGroupResponse)
	// the answer may be held while the group goes on
	protocol, protocolType := g.protocol, g.protocolType
	r.Generation, r.LeaderID, r.MemberID = g.generation, g.leader, m.id
	r.Protocol, r.ProtocolType = &protocol, &protocolType
	r.Members = []kmsg.JoinGroupResponseMember{}
	if m.id == g.leader {
		for _, other := range g.inOrder() {
			out := kmsg.NewJoinGroupResponseMember()
			out.MemberID, out.InstanceID, out.ProtocolMetadata = other.id, other.instance, other.metadata(g.protocol)
			r.Members = append(r.Members, out)
		}
		// A static leader that came back to a stable group only needs to know that the assignment stands
		// (KIP-814).
		r.SkipAssignment = g.state == stable && request.Version >= 9
	}
	w.reply(r)
}

// refuseJoin answers a join with an error.
func (w *waiting) refuseJoin(memberID string, err *kerr.Error) {
	w.reply(refusedJoin(w.request.(*kmsg.JoinGroupRequest), memberID, err))
}

func refusedJoin(request *kmsg.JoinGroupRequest, memberID string, err *kerr.Error) kmsg.Response {
	r := request.ResponseKind().(*kmsg.JoinGroupResponse)
	none := ""
	r.ErrorCode, r.Generation, r.MemberID = err.Code, -1, memberID
	r.Protocol = &none
	if r.Version >= 7 {
		r.Protocol = nil
	}
	r.Members = []kmsg.JoinGroupResponseMember{}
	return r
}
