package group

import (
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/raft/coordination"
)

// Describe describes a group, as DescribeGroups does: one that is not there is Dead.
func (c *Coordinator) Describe(id string, version int16) kmsg.DescribeGroupsResponseGroup {
	out := kmsg.NewDescribeGroupsResponseGroup()
	out.Group, out.State, out.AuthorizedOperations = id, dead.String(), math.MinInt32
	out.Members = []kmsg.DescribeGroupsResponseGroupMember{}
	g := c.classicOf(id)
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

// List lists the groups that are in one of the states and of one of the types; empty filters take
// all.
func (c *Coordinator) List(states, types []string) []kmsg.ListGroupsResponseGroup {
	var all []kmsg.ListGroupsResponseGroup
	for _, id := range slices.Sorted(maps.Keys(c.groups)) {
		s := c.groups[id].kind.summary()
		if !listed(s.Type, types) || !listed(s.State, states) {
			continue
		}
		out := kmsg.NewListGroupsResponseGroup()
		out.Group, out.ProtocolType, out.GroupState, out.GroupType = id, s.ProtocolType, s.State, s.Type
		all = append(all, out)
	}
	return all
}

// listed reports whether a filter takes something.
func listed(what string, filter []string) bool {
	return len(filter) == 0 || slices.ContainsFunc(filter, func(s string) bool { return strings.EqualFold(s, what) })
}

// Delete deletes a group without members and all its offsets. done is told the outcome.
func (c *Coordinator) Delete(id string, done func(*kerr.Error)) {
	outcome := c.delete(id)
	c.When(id, func(err *kerr.Error) {
		if outcome == nil {
			outcome = err
		}
		done(outcome)
	})
}

func (c *Coordinator) delete(id string) *kerr.Error {
	g := c.groups[id]
	switch {
	case id == "":
		return kerr.InvalidGroupID
	case g == nil:
		return kerr.GroupIDNotFound
	case !g.kind.vacant():
		return kerr.NonEmptyGroup
	}
	return c.writer.WriteAll(id, append(g.offsetTombstones(g.offsetKeys(everyOffset)), g.kind.tombstones()...))
}

// offsetTombstones delete offsets.
func (g *group) offsetTombstones(keys []offsetKey) (records []coordination.Record) {
	for _, k := range keys {
		records = append(records, coordination.Record{Key: offsetRecordKey(g.id, k)})
	}
	return records
}

// DeleteOffsets takes an OffsetDelete request (KIP-496): offsets of topics that nobody in the group
// consumes.
func (c *Coordinator) DeleteOffsets(r *kmsg.OffsetDeleteRequest, reply coordination.Reply) {
	refuse := func(err *kerr.Error) kmsg.Response {
		out := r.ResponseKind().(*kmsg.OffsetDeleteResponse)
		out.ErrorCode = err.Code
		return out
	}
	reply = c.held(r.Group, reply, refuse)
	g := c.groups[r.Group]
	if g == nil {
		reply(refuse(kerr.GroupIDNotFound))
		return
	}
	consumed, err := g.kind.consumed()
	if err != nil {
		reply(refuse(err))
		return
	}
	out, keys := g.deletable(r, consumed)
	if err := c.writer.WriteAll(r.Group, g.offsetTombstones(keys)); err != nil {
		reply(refuse(err))
		return
	}
	reply(out)
}

// deletable answers a request as if all that may be deleted was, and says what that is.
func (g *group) deletable(r *kmsg.OffsetDeleteRequest, consumed func(topic string) bool) (out *kmsg.OffsetDeleteResponse, keys []offsetKey) {
	out = r.ResponseKind().(*kmsg.OffsetDeleteResponse)
	for _, t := range r.Topics {
		topic := kmsg.NewOffsetDeleteResponseTopic()
		topic.Topic = t.Topic
		for _, p := range t.Partitions {
			part := kmsg.NewOffsetDeleteResponseTopicPartition()
			part.Partition = p.Partition
			k := offsetKey{t.Topic, p.Partition}
			if _, has := g.offsets[k]; consumed(t.Topic) {
				part.ErrorCode = kerr.GroupSubscribedToTopic.Code
			} else if has {
				keys = append(keys, k)
			}
			topic.Partitions = append(topic.Partitions, part)
		}
		out.Topics = append(out.Topics, topic)
	}
	return out, keys
}
