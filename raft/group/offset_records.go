package group

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/raft/coordination"
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
		g.forget(o.key)
		if !o.deleted {
			g.offsets[o.key] = o.offset
			g.charge(offsetBytes(o.key, o.offset))
		}
	})
}

func (g *group) forget(k offsetKey) {
	if o, ok := g.offsets[k]; ok {
		delete(g.offsets, k)
		g.charge(-offsetBytes(k, o))
	}
}
