package group

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/raft/coordination"
)

// decode is coordination.Decode for __consumer_offsets.
func (c *Coordinator) decode(by coordination.Producer, r coordination.Record) (coordination.Change, error) {
	if by.Control {
		return nil, nil
	}
	if len(r.Key) < 2 {
		return nil, fmt.Errorf("group: a key of %d bytes", len(r.Key))
	}
	switch int16(binary.BigEndian.Uint16(r.Key)) {
	case 0, offsetKeyVersion:
		return c.decodeOffset(r)
	case groupKeyVersion:
		return c.decodeMetadata(r)
	}
	return nil, nil
}

// unreadable is why a key that was read without an error is not the one that was written: its
// lengths overflowed.
func unreadable(err error) error {
	if err == nil {
		return errors.New("it is not what was written")
	}
	return err
}

// offsetChange is what the record of a committed offset says.
type offsetChange struct {
	in      *Coordinator
	group   string
	key     offsetKey
	offset  offset
	deleted bool
}

func (c *Coordinator) decodeOffset(r coordination.Record) (coordination.Change, error) {
	k := kmsg.NewOffsetCommitKey()
	if err := k.ReadFrom(r.Key); err != nil || !bytes.Equal(k.AppendTo(nil), r.Key) {
		return nil, fmt.Errorf("group: key of an offset: %w", unreadable(err))
	}
	change := &offsetChange{in: c, group: k.Group, key: offsetKey{k.Topic, k.Partition}, deleted: r.Value == nil}
	if change.deleted {
		return change, nil
	}
	v := kmsg.NewOffsetCommitValue()
	if err := v.ReadFrom(r.Value); err != nil {
		// It does not expire: to forget it would be to say that nothing was committed.
		change.offset = offset{offset: -1, epoch: -1, at: math.MaxInt64, lost: true}
		return change, fmt.Errorf("group: value of an offset: %w", err)
	}
	change.offset = offset{v.Offset, v.LeaderEpoch, v.Metadata, v.CommitTimestamp, expiresOf(&v), v.TopicID, false}
	return change, nil
}

// Key implements coordination.Change.
func (o *offsetChange) Key() string { return o.group }

// Record implements coordination.Change.
func (o *offsetChange) Record() coordination.Record {
	if o.deleted {
		return coordination.Record{Key: offsetRecordKey(o.group, o.key)}
	}
	return offsetRecord(o.group, o.key, o.offset)
}

// Apply implements coordination.Change.
func (o *offsetChange) Apply() {
	o.in.changed(o.group, o.deleted, func(g *group) {
		o.in.forget(g, o.key)
		if !o.deleted {
			g.offsets[o.key] = o.offset
			o.in.memory.Charge(offsetBytes(o.key, o.offset))
		}
	})
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

// Apply implements coordination.Change.
func (m *metadataChange) Apply() {
	m.in.changed(m.group, m.metadata == nil, func(g *group) {
		if m.metadata == nil {
			m.in.replaceMembers(g, nil)
			g.become(empty, g.since)
			g.generation, g.protocolType, g.protocol, g.leader, g.ended = 0, "", "", "", true
			return
		}
		m.in.applyGroup(g, m.metadata)
	})
}

// changed changes a group as a record says. Nothing is left of one that was deleted and has no
// offsets; a deletion makes none.
func (c *Coordinator) changed(id string, deletion bool, change func(*group)) {
	g := c.groups[id]
	if g == nil {
		if deletion {
			return
		}
		g = newGroup(id, 0)
		c.put(g)
	}
	g.recorded, g.stale = true, true
	change(g)
	if g.ended && len(g.offsets) == 0 {
		c.drop(g)
	}
}

func (c *Coordinator) forget(g *group, k offsetKey) {
	if o, ok := g.offsets[k]; ok {
		delete(g.offsets, k)
		c.memory.Charge(-offsetBytes(k, o))
	}
}

// applyGroup makes a group what its record says. Members that it has already keep what no record
// says of them.
func (c *Coordinator) applyGroup(g *group, v *kmsg.GroupMetadataValue) {
	g.ended, g.behind = false, false
	g.generation, g.protocolType, g.protocol, g.leader = v.Generation, v.ProtocolType, "", ""
	if v.Protocol != nil {
		g.protocol = *v.Protocol
	}
	if v.Leader != nil {
		g.leader = *v.Leader
	}
	c.replaceMembers(g, v.Members)
	g.joinBy, g.syncBy, g.initial = 0, 0, false
	g.become(empty, v.CurrentStateTimestamp)
	if len(g.members) > 0 {
		g.state = stable
	}
}

// replaceMembers gives a group the members of a record, in its order.
func (c *Coordinator) replaceMembers(g *group, recorded []kmsg.GroupMetadataValueMember) {
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
		c.settle(m)
	}
	for _, m := range before {
		c.memory.Charge(-m.bytes)
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
