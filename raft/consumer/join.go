package consumer

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Client is who sends a request.
type Client struct{ ID, Host string }

// Join takes a JoinGroup request (KIP-134, KIP-345, KIP-394, KIP-559, KIP-800, KIP-814).
func (c *Coordinator) Join(now int64, client Client, r *kmsg.JoinGroupRequest, reply Reply) {
	w := &waiting{r, reply}
	switch {
	case r.Group == "":
		w.refuseJoin(r.MemberID, kerr.InvalidGroupID)
		return
	case r.SessionTimeoutMillis < c.config.MinSessionTimeoutMS || r.SessionTimeoutMillis > c.config.MaxSessionTimeoutMS:
		w.refuseJoin(r.MemberID, kerr.InvalidSessionTimeout)
		return
	}
	g := c.groups[r.Group]
	if g == nil {
		if r.MemberID != "" {
			w.refuseJoin(r.MemberID, kerr.UnknownMemberID)
			return
		}
		g = newGroup(r.Group, now)
		c.groups[r.Group] = g
	}
	switch {
	case !g.supports(r.ProtocolType, r.Protocols):
		w.refuseJoin(r.MemberID, kerr.InconsistentGroupProtocol)
	case !g.hasRoom(r, c.config.MaxSize):
		w.refuseJoin("", kerr.GroupMaxSizeReached)
	case r.MemberID == "":
		c.joinNew(g, now, client, w, r)
	default:
		c.joinKnown(g, now, client, w, r)
	}
	c.tidy(g)
}

// tidy forgets a group that nothing is left of. Who holds on to it from before a write may mean one that was forgotten and made anew.
func (c *Coordinator) tidy(g *group) {
	if c.groups[g.id] == g && g.state == empty && g.generation == 0 && len(g.members) == 0 && len(g.pending) == 0 && len(g.offsets) == 0 {
		delete(c.groups, g.id)
	}
}

func (g *group) hasRoom(r *kmsg.JoinGroupRequest, limit int) bool {
	if m := g.members[r.MemberID]; m != nil {
		return true
	}
	if r.InstanceID != nil && g.static[*r.InstanceID] != "" {
		return true
	}
	return len(g.members) < limit
}

// joinNew lets somebody without a member id in.
func (c *Coordinator) joinNew(g *group, now int64, client Client, w *waiting, r *kmsg.JoinGroupRequest) {
	prefix := client.ID
	if r.InstanceID != nil {
		prefix = *r.InstanceID
	}
	id := prefix + "-" + c.newID()
	switch {
	case r.InstanceID != nil && g.static[*r.InstanceID] != "":
		c.replaceStatic(g, now, id, client, w, r)
	case r.InstanceID == nil && r.Version >= 4:
		g.pending[id] = now + int64(r.SessionTimeoutMillis)
		w.refuseJoin(id, kerr.MemberIDRequired)
	default:
		c.addMember(g, now, id, client, w, r)
	}
}

// joinKnown takes a join of somebody who has a member id.
func (c *Coordinator) joinKnown(g *group, now int64, client Client, w *waiting, r *kmsg.JoinGroupRequest) {
	if _, ok := g.pending[r.MemberID]; ok {
		delete(g.pending, r.MemberID)
		c.addMember(g, now, r.MemberID, client, w, r)
		return
	}
	m, refused := g.known(r.MemberID, r.InstanceID)
	if refused != nil {
		w.refuseJoin(r.MemberID, refused)
		return
	}
	switch {
	case g.state == preparing:
		c.rejoin(g, now, m, w, r)
	case g.state == completing && sameProtocols(m.protocols, r.Protocols):
		m.heard(now)
		g.answerJoin(m, w)
	case g.state == stable && m.id != g.leader && sameProtocols(m.protocols, r.Protocols):
		m.heard(now)
		g.answerJoin(m, w)
	case g.state == completing || g.state == stable:
		c.rejoin(g, now, m, w, r)
	default:
		w.refuseJoin(r.MemberID, kerr.UnknownMemberID)
	}
}

// known finds a member by its id and instance.
func (g *group) known(id string, instance *string) (*member, *kerr.Error) {
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

func (c *Coordinator) addMember(g *group, now int64, id string, client Client, w *waiting, r *kmsg.JoinGroupRequest) {
	m := &member{id: id, instance: r.InstanceID, clientID: client.ID, clientHost: client.Host}
	g.add(m)
	g.protocolType = r.ProtocolType
	g.newcomers = true
	c.rejoin(g, now, m, w, r)
}

// rejoin notes what a member wants now and has the group rebalance.
func (c *Coordinator) rejoin(g *group, now int64, m *member, w *waiting, r *kmsg.JoinGroupRequest) {
	m.take(r)
	if m.join != nil { // the member asks again: the earlier request is answered no more usefully than so
		m.join.refuseJoin(m.id, kerr.RebalanceInProgress)
	}
	m.join = w
	m.heard(now)
	c.prepare(g, now)
	c.tryComplete(g, now)
}

// take notes what a join request says of a member.
func (m *member) take(r *kmsg.JoinGroupRequest) {
	m.protocols = r.Protocols
	m.sessionMS = r.SessionTimeoutMillis
	m.rebalanceMS = r.RebalanceTimeoutMillis
	if r.Version == 0 {
		m.rebalanceMS = r.SessionTimeoutMillis
	}
}

// replaceStatic gives a static member that came back another member id; the old one is fenced (KIP-345). The group need not rebalance if
// it is stable and the protocol it has chosen stays.
func (c *Coordinator) replaceStatic(g *group, now int64, id string, client Client, w *waiting, r *kmsg.JoinGroupRequest) {
	old := g.members[g.static[*r.InstanceID]]
	if old.join != nil {
		old.join.refuseJoin(old.id, kerr.FencedInstanceID)
	}
	if old.sync != nil {
		old.sync.refuseSync(kerr.FencedInstanceID)
	}
	m := &member{id: id, instance: r.InstanceID, clientID: client.ID, clientHost: client.Host, assignment: old.assignment, order: old.order}
	delete(g.members, old.id)
	g.members[id] = m
	g.static[*r.InstanceID] = id
	if g.leader == old.id {
		g.leader = id
	}
	unchanged := g.state == stable && sameProtocols(old.protocols, r.Protocols)
	m.take(r)
	if !unchanged {
		c.rejoin(g, now, m, w, r)
		return
	}
	m.heard(now)
	epoch := g.epoch
	c.write([]Record{g.record(now, nil)}, func(now int64, err *protocolError) {
		switch {
		case err != nil:
			w.refuseJoin(id, translate(err))
		case g.epoch != epoch || g.members[id] != m:
			w.refuseJoin(id, kerr.RebalanceInProgress)
		default:
			g.answerJoin(m, w)
		}
	})
}

// answerJoin tells a member the generation that it is part of.
func (g *group) answerJoin(m *member, w *waiting) {
	request := w.request.(*kmsg.JoinGroupRequest)
	r := request.ResponseKind().(*kmsg.JoinGroupResponse)
	r.Generation, r.LeaderID, r.MemberID = g.generation, g.leader, m.id
	r.Protocol, r.ProtocolType = &g.protocol, &g.protocolType
	r.Members = []kmsg.JoinGroupResponseMember{}
	if m.id == g.leader {
		for _, other := range g.inOrder() {
			out := kmsg.NewJoinGroupResponseMember()
			out.MemberID, out.InstanceID, out.ProtocolMetadata = other.id, other.instance, other.metadata(g.protocol)
			r.Members = append(r.Members, out)
		}
		// A static leader that came back to a stable group only needs to know that the assignment stands (KIP-814).
		r.SkipAssignment = g.state == stable && request.Version >= 9
	}
	w.reply(r)
}

// refuseJoin answers a join with an error.
func (w *waiting) refuseJoin(memberID string, err *kerr.Error) {
	r := w.request.ResponseKind().(*kmsg.JoinGroupResponse)
	none := ""
	r.ErrorCode, r.Generation, r.MemberID = err.Code, -1, memberID
	r.Protocol = &none
	if r.Version >= 7 {
		r.Protocol = nil
	}
	r.Members = []kmsg.JoinGroupResponseMember{}
	w.reply(r)
}
