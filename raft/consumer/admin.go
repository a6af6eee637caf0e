package consumer

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Describe describes a group, as DescribeGroups does: one that is not there is Dead.
func (c *Coordinator) Describe(id string, version int16) kmsg.DescribeGroupsResponseGroup {
	out := kmsg.NewDescribeGroupsResponseGroup()
	out.Group, out.State, out.AuthorizedOperations = id, dead.String(), math.MinInt32
	out.Members = []kmsg.DescribeGroupsResponseGroupMember{}
	g := c.groups[id]
	if g == nil {
		if version >= 6 {
			message := "Group " + id + " not found."
			out.ErrorCode, out.ErrorMessage = kerr.GroupIDNotFound.Code, &message
		}
		return out
	}
	out.State, out.ProtocolType = g.state.String(), g.protocolType
	if g.state == stable {
		out.Protocol = g.protocol
	}
	for _, m := range g.inOrder() {
		d := kmsg.NewDescribeGroupsResponseGroupMember()
		d.MemberID, d.InstanceID, d.ClientID, d.ClientHost = m.id, m.instance, m.clientID, m.clientHost
		d.ProtocolMetadata, d.MemberAssignment = []byte{}, []byte{}
		if g.state == stable {
			d.ProtocolMetadata, d.MemberAssignment = m.metadata(g.protocol), m.assignment
		}
		out.Members = append(out.Members, d)
	}
	return out
}

// List lists the groups that are in one of the states and of one of the types; empty filters take all.
func (c *Coordinator) List(states, types []string) []kmsg.ListGroupsResponseGroup {
	var all []kmsg.ListGroupsResponseGroup
	if len(types) > 0 && !slices.ContainsFunc(types, func(t string) bool { return strings.EqualFold(t, "classic") }) {
		return nil
	}
	for _, id := range slices.Sorted(maps.Keys(c.groups)) {
		g := c.groups[id]
		if len(states) > 0 && !slices.ContainsFunc(states, func(s string) bool { return strings.EqualFold(s, g.state.String()) }) {
			continue
		}
		out := kmsg.NewListGroupsResponseGroup()
		out.Group, out.ProtocolType, out.GroupState, out.GroupType = id, g.protocolType, g.state.String(), "classic"
		all = append(all, out)
	}
	return all
}

// Delete deletes a group without members and all its offsets. done is told the outcome.
func (c *Coordinator) Delete(id string, done func(*kerr.Error)) {
	g := c.groups[id]
	switch {
	case id == "":
		done(kerr.InvalidGroupID)
		return
	case g == nil:
		done(kerr.GroupIDNotFound)
		return
	case g.state != empty || len(g.pending) > 0:
		done(kerr.NonEmptyGroup)
		return
	}
	records := []Record{{Key: groupRecordKey(id)}}
	for _, k := range g.offsetKeys(func(offset) bool { return true }) {
		records = append(records, Record{Key: offsetRecordKey(id, k)})
	}
	c.write(records, func(_ int64, err *protocolError) {
		if err != nil {
			done(translate(err))
			return
		}
		if c.groups[id] == g {
			delete(c.groups, id)
		}
		done(nil)
	})
}

// DeleteOffsets takes an OffsetDelete request (KIP-496): offsets of topics that nobody in the group consumes.
func (c *Coordinator) DeleteOffsets(r *kmsg.OffsetDeleteRequest, reply Reply) {
	out := r.ResponseKind().(*kmsg.OffsetDeleteResponse)
	g := c.groups[r.Group]
	switch {
	case g == nil:
		out.ErrorCode = kerr.GroupIDNotFound.Code
	case g.state != empty && g.protocolType != "consumer":
		out.ErrorCode = kerr.NonEmptyGroup.Code
	}
	if out.ErrorCode != 0 {
		reply(out)
		return
	}
	var records []Record
	var keys []offsetKey
	for _, t := range r.Topics {
		topic := kmsg.NewOffsetDeleteResponseTopic()
		topic.Topic = t.Topic
		subscribed := g.subscribes(t.Topic)
		for _, p := range t.Partitions {
			part := kmsg.NewOffsetDeleteResponseTopicPartition()
			part.Partition = p.Partition
			k := offsetKey{t.Topic, p.Partition}
			if _, has := g.offsets[k]; subscribed {
				part.ErrorCode = kerr.GroupSubscribedToTopic.Code
			} else if has {
				keys = append(keys, k)
				records = append(records, Record{Key: offsetRecordKey(r.Group, k)})
			}
			topic.Partitions = append(topic.Partitions, part)
		}
		out.Topics = append(out.Topics, topic)
	}
	if len(records) == 0 {
		reply(out)
		return
	}
	c.write(records, func(_ int64, err *protocolError) {
		if err != nil {
			fresh := r.ResponseKind().(*kmsg.OffsetDeleteResponse)
			fresh.ErrorCode = translate(err).Code
			reply(fresh)
			return
		}
		for _, k := range keys {
			delete(g.offsets, k)
		}
		c.tidy(g)
		reply(out)
	})
}

// subscribes tells whether a member consumes a topic, as far as its subscription can be read.
func (g *group) subscribes(topic string) bool {
	for _, m := range g.members {
		var s kmsg.ConsumerMemberMetadata
		if err := s.ReadFrom(m.metadata(g.protocol)); err != nil || slices.Contains(s.Topics, topic) {
			return true
		}
	}
	return false
}

// ExpireOffsets deletes the offsets of groups that have had no members for longer than offsets are kept (KIP-211).
func (c *Coordinator) ExpireOffsets(now int64) {
	for _, id := range c.groupsWhere(func(g *group) bool { return g.state == empty && len(g.pending) == 0 }) {
		g := c.groups[id]
		keys := g.offsetKeys(func(o offset) bool {
			last := o.at
			if g.protocolType != "" {
				last = max(last, g.since)
			}
			return last+c.config.OffsetsRetentionMS < now
		})
		if len(keys) == 0 {
			continue
		}
		var records []Record
		for _, k := range keys {
			records = append(records, Record{Key: offsetRecordKey(id, k)})
		}
		if len(keys) == len(g.offsets) {
			records = append(records, Record{Key: groupRecordKey(id)})
		}
		c.write(records, func(_ int64, err *protocolError) {
			if err != nil || c.groups[id] != g || g.state != empty {
				return
			}
			for _, k := range keys {
				delete(g.offsets, k)
			}
			if len(g.offsets) == 0 && len(g.pending) == 0 {
				delete(c.groups, id)
			}
		})
	}
}

// offsetKeys returns what the group has offsets of that a condition holds for, in order.
func (g *group) offsetKeys(ok func(offset) bool) []offsetKey {
	var keys []offsetKey
	for k, o := range g.offsets {
		if ok(o) {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b offsetKey) int {
		return cmp.Or(cmp.Compare(a.topic, b.topic), cmp.Compare(a.partition, b.partition))
	})
	return keys
}

// Abandon answers everybody who waits, when the coordinator moves to another node.
func (c *Coordinator) Abandon() {
	for _, id := range c.groupsWhere(func(*group) bool { return true }) {
		for _, m := range c.groups[id].inOrder() {
			if m.join != nil {
				m.join.refuseJoin(m.id, kerr.NotCoordinator)
				m.join = nil
			}
			if m.sync != nil {
				m.sync.refuseSync(kerr.NotCoordinator)
				m.sync = nil
			}
		}
	}
}

// PartitionOf returns which partition of __consumer_offsets a group belongs to: Java's String.hashCode, made positive, modulo partitions.
func PartitionOf(group string, partitions int) int32 {
	var h int32
	for _, unit := range utf16Units(group) {
		h = 31*h + int32(unit)
	}
	return int32(int(h&math.MaxInt32) % partitions)
}
