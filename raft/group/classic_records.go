package group

import (
	"bytes"
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/raft/coordination"
)

func groupRecordKey(group string) []byte {
	key := kmsg.NewGroupMetadataKey()
	key.Version, key.Group = groupKeyVersion, group
	return key.AppendTo(nil)
}

// record returns the group's metadata record, with the given assignments or, for nil, those that
// stand.
func (g *classic) record(now int64, assignments map[string][]byte) coordination.Record {
	v := kmsg.NewGroupMetadataValue()
	v.Version, v.ProtocolType, v.Generation, v.CurrentStateTimestamp = groupValueVersion, g.protocolType, g.generation, now
	if g.protocol != "" {
		v.Protocol = &g.protocol
	}
	if g.leader != "" {
		v.Leader = &g.leader
	}
	for _, m := range g.inOrder() {
		out := kmsg.NewGroupMetadataValueMember()
		out.MemberID, out.InstanceID, out.ClientID, out.ClientHost = m.id, m.instance, m.clientID, m.clientHost
		out.RebalanceTimeoutMillis, out.SessionTimeoutMillis = m.rebalanceMS, m.sessionMS
		out.Subscription, out.Assignment = m.metadata(g.protocol), m.assignment
		if assignments != nil {
			out.Assignment = assignments[m.id]
		}
		if out.Subscription == nil {
			out.Subscription = []byte{}
		}
		if out.Assignment == nil {
			out.Assignment = []byte{}
		}
		v.Members = append(v.Members, out)
	}
	return coordination.Record{Key: groupRecordKey(g.id), Value: v.AppendTo(nil)}
}

// metadataChange is what the record of a group itself says; nil metadata is that it was deleted.
type metadataChange struct {
	in       *Coordinator
	group    string
	metadata *kmsg.GroupMetadataValue
}

func (c *Coordinator) decodeMetadata(r coordination.Record) (coordination.Change, error) {
	k := kmsg.NewGroupMetadataKey()
	if err := k.ReadFrom(r.Key); err != nil || !bytes.Equal(k.AppendTo(nil), r.Key) {
		return nil, fmt.Errorf("group: key of a group: %w", unreadable(err))
	}
	change := &metadataChange{in: c, group: k.Group}
	if r.Value == nil {
		return change, nil
	}
	v := kmsg.NewGroupMetadataValue()
	if err := v.ReadFrom(r.Value); err != nil {
		return change, fmt.Errorf("group: value of a group: %w", err)
	}
	change.metadata = &v
	return change, nil
}

// Key implements coordination.Change.
func (m *metadataChange) Key() string { return m.group }

// Record implements coordination.Change.
func (m *metadataChange) Record() coordination.Record {
	r := coordination.Record{Key: groupRecordKey(m.group)}
	if m.metadata != nil {
		r.Value = m.metadata.AppendTo(nil)
	}
	return r
}

// Apply implements coordination.Change. No other kind of group has such records.
func (m *metadataChange) Apply() {
	m.in.changed(m.group, m.metadata == nil, func(group *group) {
		g := group.kind.(*classic)
		if g.ended = m.metadata == nil; g.ended {
			g.replaceMembers(nil)
			g.become(empty, g.since)
			g.generation, g.protocolType, g.protocol, g.leader = 0, "", "", ""
			return
		}
		g.restore(m.metadata)
	})
}

// restore makes a group what its record says. Members that it has already keep what no record says
// of them.
func (g *classic) restore(v *kmsg.GroupMetadataValue) {
	g.behind = false
	g.generation, g.protocolType, g.protocol, g.leader = v.Generation, v.ProtocolType, "", ""
	if v.Protocol != nil {
		g.protocol = *v.Protocol
	}
	if v.Leader != nil {
		g.leader = *v.Leader
	}
	g.replaceMembers(v.Members)
	g.joinBy, g.syncBy, g.initial = 0, 0, false
	g.become(empty, v.CurrentStateTimestamp)
	if len(g.members) > 0 {
		g.state = stable
	}
}

// replaceMembers gives a group the members of a record, in its order.
func (g *classic) replaceMembers(recorded []kmsg.GroupMetadataValueMember) {
	before := g.members
	g.members, g.static, g.supported = make(map[string]*member), make(map[string]string), make(map[string]int)
	g.orders = len(recorded)
	for i, v := range recorded {
		m := before[v.MemberID]
		if m == nil {
			m = &member{id: v.MemberID}
		}
		delete(before, v.MemberID)
		m.recorded(v, g.protocol)
		m.order = i
		g.place(m)
		g.settle(m)
	}
	for _, m := range before {
		g.charge(-m.bytes)
	}
}

// recorded takes what a record says of a member.
func (m *member) recorded(v kmsg.GroupMetadataValueMember, protocol string) {
	m.instance, m.clientID, m.clientHost = v.InstanceID, v.ClientID, v.ClientHost
	m.rebalanceMS, m.sessionMS = v.RebalanceTimeoutMillis, v.SessionTimeoutMillis
	m.assignment = bytes.Clone(v.Assignment) // and not the part of the log that it was read from
	if said := m.metadata(protocol); said != nil && bytes.Equal(said, v.Subscription) {
		return // and what else it can speak, which no record says
	}
	p := kmsg.NewJoinGroupRequestProtocol()
	p.Name, p.Metadata = protocol, bytes.Clone(v.Subscription)
	m.protocols = []kmsg.JoinGroupRequestProtocol{p}
}
