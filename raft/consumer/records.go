package consumer

import (
	"encoding/binary"
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Versions of Kafka's records in __consumer_offsets.
const (
	offsetKeyVersion   = 1
	groupKeyVersion    = 2
	offsetValueVersion = 4 // with the topic's id, so that a topic that was deleted and made anew has no offsets
	groupValueVersion  = 3
)

func offsetRecordKey(group string, k offsetKey) []byte {
	key := kmsg.NewOffsetCommitKey()
	key.Version, key.Group, key.Topic, key.Partition = offsetKeyVersion, group, k.topic, k.partition
	return key.AppendTo(nil)
}

func offsetRecord(group string, k offsetKey, o offset) Record {
	v := kmsg.NewOffsetCommitValue()
	v.Version, v.Offset, v.LeaderEpoch, v.Metadata, v.CommitTimestamp, v.TopicID = offsetValueVersion, o.offset, o.epoch, o.metadata, o.at, o.topicID
	return Record{offsetRecordKey(group, k), v.AppendTo(nil)}
}

func groupRecordKey(group string) []byte {
	key := kmsg.NewGroupMetadataKey()
	key.Version, key.Group = groupKeyVersion, group
	return key.AppendTo(nil)
}

// record returns the group's metadata record, with the given assignments or, for nil, those that stand.
func (g *group) record(now int64, assignments map[string][]byte) Record {
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
	return Record{groupRecordKey(g.id), v.AppendTo(nil)}
}

// Load takes a committed record of __consumer_offsets, in order, when the coordinator takes over. A nil value deletes. Keys of kinds that are
// not known (of newer versions, of other coordinators) are passed over, as Kafka does.
func (c *Coordinator) Load(now int64, key, value []byte) error {
	if len(key) < 2 {
		return fmt.Errorf("consumer: a key of %d bytes", len(key))
	}
	switch version := int16(binary.BigEndian.Uint16(key)); version {
	case 0, offsetKeyVersion:
		return c.loadOffset(now, key, value)
	case groupKeyVersion:
		return c.loadGroup(now, key, value)
	}
	return nil
}

func (c *Coordinator) loaded(id string, now int64) *group {
	g := c.groups[id]
	if g == nil {
		g = newGroup(id, now)
		c.groups[id] = g
	}
	return g
}

func (c *Coordinator) loadOffset(now int64, key, value []byte) error {
	k := kmsg.NewOffsetCommitKey()
	if err := k.ReadFrom(key); err != nil {
		return fmt.Errorf("consumer: key of an offset: %w", err)
	}
	at := offsetKey{k.Topic, k.Partition}
	if value == nil {
		if g := c.groups[k.Group]; g != nil {
			delete(g.offsets, at)
			c.tidy(g)
		}
		return nil
	}
	v := kmsg.NewOffsetCommitValue()
	if err := v.ReadFrom(value); err != nil {
		return fmt.Errorf("consumer: value of an offset: %w", err)
	}
	c.loaded(k.Group, now).offsets[at] = offset{v.Offset, v.LeaderEpoch, v.Metadata, v.CommitTimestamp, v.TopicID}
	return nil
}

func (c *Coordinator) loadGroup(now int64, key, value []byte) error {
	k := kmsg.NewGroupMetadataKey()
	if err := k.ReadFrom(key); err != nil {
		return fmt.Errorf("consumer: key of a group: %w", err)
	}
	if value == nil {
		delete(c.groups, k.Group)
		return nil
	}
	v := kmsg.NewGroupMetadataValue()
	if err := v.ReadFrom(value); err != nil {
		return fmt.Errorf("consumer: value of a group: %w", err)
	}
	before := c.loaded(k.Group, now)
	g := newGroup(k.Group, v.CurrentStateTimestamp)
	g.offsets, g.inherited = before.offsets, true
	g.generation, g.protocolType = v.Generation, v.ProtocolType
	if v.Protocol != nil {
		g.protocol = *v.Protocol
	}
	for _, m := range v.Members {
		g.add(loadedMember(m, g.protocol, now))
	}
	if v.Leader != nil {
		g.leader = *v.Leader
	}
	if len(g.members) > 0 {
		g.state = stable
	}
	c.groups[k.Group] = g
	return nil
}

// loadedMember makes a member of what was written of it; its session begins anew.
func loadedMember(v kmsg.GroupMetadataValueMember, protocol string, now int64) *member {
	m := &member{
		id: v.MemberID, instance: v.InstanceID, clientID: v.ClientID, clientHost: v.ClientHost,
		rebalanceMS: v.RebalanceTimeoutMillis, sessionMS: v.SessionTimeoutMillis, assignment: v.Assignment, joinedBefore: true,
	}
	p := kmsg.NewJoinGroupRequestProtocol()
	p.Name, p.Metadata = protocol, v.Subscription
	m.protocols = []kmsg.JoinGroupRequestProtocol{p}
	m.heard(now)
	return m
}
