package group

import (
	"encoding/binary"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/raft/coordination"
)

// Versions of Kafka's records in __consumer_offsets.
const (
	offsetKeyVersion = 1
	groupKeyVersion  = 2
	// with the topic's id, so that a topic that was deleted and made anew has no offsets
	offsetValueVersion = 4
	groupValueVersion  = 3
)

func offsetRecordKey(group string, k offsetKey) []byte {
	key := kmsg.NewOffsetCommitKey()
	key.Version, key.Group, key.Topic, key.Partition = offsetKeyVersion, group, k.topic, k.partition
	return key.AppendTo(nil)
}

func offsetRecord(group string, k offsetKey, o offset) coordination.Record {
	v := kmsg.NewOffsetCommitValue()
	v.Version, v.Offset, v.LeaderEpoch, v.Metadata, v.CommitTimestamp, v.TopicID = offsetValueVersion, o.offset, o.epoch, o.metadata, o.at, o.topicID
	if o.expires != 0 {
		v.UnknownTags.Set(expiresTag, binary.BigEndian.AppendUint64(nil, uint64(o.expires)))
	}
	return coordination.Record{Key: offsetRecordKey(group, k), Value: v.AppendTo(nil)}
}

// expiresTag is the tag of an offset's own time of expiry, in milliseconds, big-endian. Kafka has a
// field for it in version 1 only, which knows neither the leader's epoch nor the topic's id; who
// does not know the tag passes over it.
const expiresTag = 29298

// expiresOf reads the time of expiry of an offset's record, 0 if it has none of its own.
func expiresOf(v *kmsg.OffsetCommitValue) (at int64) {
	at = max(0, v.ExpireTimestamp)
	v.UnknownTags.Each(func(tag uint32, value []byte) {
		if tag == expiresTag && len(value) == 8 {
			at = int64(binary.BigEndian.Uint64(value))
		}
	})
	return at
}

func groupRecordKey(group string) []byte {
	key := kmsg.NewGroupMetadataKey()
	key.Version, key.Group = groupKeyVersion, group
	return key.AppendTo(nil)
}

// record returns the group's metadata record, with the given assignments or, for nil, those that
// stand.
func (g *group) record(now int64, assignments map[string][]byte) coordination.Record {
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
