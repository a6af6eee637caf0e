package group

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// change is what a record says: either an offset of a group or what the group itself is. deleted
// goes with both.
type change struct {
	group   string
	key     *offsetKey // nil for the group itself
	offset  offset
	meta    *kmsg.GroupMetadataValue
	deleted bool
}

// errForeign is what decode returns for a record that is none of this coordinator's.
var errForeign = errors.New("group: a record of another kind")

// decode reads a record of __consumer_offsets. It reads what it can: with an error for a value, the
// key is known.
func (r Record) decode() (change, error) {
	if len(r.Key) < 2 {
		return change{}, fmt.Errorf("group: a key of %d bytes", len(r.Key))
	}
	switch int16(binary.BigEndian.Uint16(r.Key)) {
	case 0, offsetKeyVersion:
		return r.decodeOffset()
	case groupKeyVersion:
		return r.decodeGroup()
	}
	return change{}, errForeign
}

func (r Record) decodeOffset() (change, error) {
	k := kmsg.NewOffsetCommitKey()
	if err := k.ReadFrom(r.Key); err != nil || !bytes.Equal(k.AppendTo(nil), r.Key) {
		return change{}, fmt.Errorf("group: key of an offset: %w", unreadable(err))
	}
	out := change{group: k.Group, key: &offsetKey{k.Topic, k.Partition}, deleted: r.Value == nil}
	if out.deleted {
		return out, nil
	}
	v := kmsg.NewOffsetCommitValue()
	if err := v.ReadFrom(r.Value); err != nil {
		return out, fmt.Errorf("group: value of an offset: %w", err)
	}
	out.offset = offset{v.Offset, v.LeaderEpoch, v.Metadata, v.CommitTimestamp, expiresOf(&v), v.TopicID, false}
	return out, nil
}

func (r Record) decodeGroup() (change, error) {
	k := kmsg.NewGroupMetadataKey()
	if err := k.ReadFrom(r.Key); err != nil || !bytes.Equal(k.AppendTo(nil), r.Key) {
		return change{}, fmt.Errorf("group: key of a group: %w", unreadable(err))
	}
	out := change{group: k.Group, deleted: r.Value == nil}
	if out.deleted {
		return out, nil
	}
	v := kmsg.NewGroupMetadataValue()
	out.meta = &v
	if err := v.ReadFrom(r.Value); err != nil {
		return out, fmt.Errorf("group: value of a group: %w", err)
	}
	return out, nil
}

// unreadable is why a key that was read without an error is not the one that was written: its
// lengths overflowed.
func unreadable(err error) error {
	if err == nil {
		return errors.New("it is not what was written")
	}
	return err
}

// readBack decodes a record that is to be written for a group, and makes sure that the next
// coordinator reads the same.
func (r Record) readBack(group string) (change, error) {
	got, err := r.decode()
	switch {
	case err != nil:
		return got, err
	case got.group != group:
		return got, fmt.Errorf("group: a record of group %q reads as one of %q", group, got.group)
	case got.meta != nil && !bytes.Equal(got.meta.AppendTo(nil), r.Value),
		got.key != nil && !got.deleted && !bytes.Equal(offsetRecord(group, *got.key, got.offset).Value, r.Value):
		return got, fmt.Errorf("group: a record of group %q does not read as it was written", group)
	}
	return got, nil
}

// Load takes a committed record of __consumer_offsets, in order, when the coordinator takes over;
// after the last one comes Loaded. Keys of kinds that are not known (of newer versions, of other
// coordinators) are passed over, as Kafka does. Of a record that cannot be read it takes what
// cannot mislead, and returns why:
//   - whose key is unreadable is of a group that cannot be asked for; it is left out;
//   - an offset is known to be lost, not taken for the one before it (see Fetched.Lost);
//   - a group has no members, who join again; its offsets stay.
func (c *Coordinator) Load(key, value []byte) error {
	change, err := Record{key, value}.decode()
	switch {
	case err == errForeign:
		return nil
	case err == nil:
		c.apply(change)
		return nil
	case change.group == "" && change.key == nil:
		return err
	case change.key != nil:
		// and does not expire
		change.offset = offset{offset: -1, epoch: -1, at: math.MaxInt64, lost: true}
	default:
		change.meta, change.deleted = nil, true
	}
	c.apply(change)
	return err
}

// Loaded begins what no record says, after the last Load: sessions begin anew, and a generation may
// have been begun that was not written.
func (c *Coordinator) Loaded(now int64) {
	c.loaded = now
	for _, g := range c.groups {
		g.inherited, g.stale = true, true
		for _, m := range g.members {
			m.heard(now)
		}
	}
}

// apply makes a record's change. It is the only way in which what the log knows changes, live and
// on replay.
func (c *Coordinator) apply(change change) {
	g := c.groups[change.group]
	if g == nil {
		if change.deleted {
			return
		}
		g = newGroup(change.group, 0)
		c.put(g)
	}
	g.recorded, g.stale = true, true
	switch {
	case change.key != nil && change.deleted:
		c.forget(g, *change.key)
	case change.key != nil:
		c.forget(g, *change.key)
		g.offsets[*change.key] = change.offset
		c.charge(offsetBytes(*change.key, change.offset))
	case change.deleted:
		c.replaceMembers(g, nil)
		g.become(empty, g.since)
		g.generation, g.protocolType, g.protocol, g.leader, g.ended = 0, "", "", "", true
	default:
		c.applyGroup(g, change.meta)
	}
	if g.ended && len(g.offsets) == 0 {
		c.drop(g)
	}
}

func (c *Coordinator) forget(g *group, k offsetKey) {
	if o, ok := g.offsets[k]; ok {
		delete(g.offsets, k)
		c.charge(-offsetBytes(k, o))
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
		c.charge(-m.bytes)
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
