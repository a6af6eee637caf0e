package group

import (
	"cmp"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/raft/coordination"
)

// consumerType is the type of protocol whose metadata names topics.
const consumerType = "consumer"

// topicsOf reads a consumer's subscription; ok is false if it is none.
func topicsOf(metadata []byte) (topics map[string]bool, ok bool) {
	var s kmsg.ConsumerMemberMetadata
	if err := s.ReadFrom(metadata); err != nil {
		return nil, false
	}
	topics = make(map[string]bool, len(s.Topics))
	for _, t := range s.Topics {
		topics[t] = true
	}
	return topics, true
}

// subscription returns the topics that members consume; ok is false if that cannot be told.
func (g *group) subscription() (topics map[string]bool, ok bool) {
	topics = make(map[string]bool)
	for _, m := range g.members {
		some, ok := topicsOf(m.metadata(g.protocol))
		if !ok {
			return nil, false
		}
		for t := range some {
			topics[t] = true
		}
	}
	return topics, true
}

// ApplyRetention implements coordination.Core. It deletes offsets that were kept for their time
// (KIP-211), and groups that have
// nothing left:
//   - of a group without members, from when its last member left or its last commit, whichever is
//     later;
//   - of a group that consumes, for topics that no member subscribes to, from their commit.
//
// An offset whose client said how long it is to be kept is kept for so long from its commit.
func (c *Coordinator) ApplyRetention(now int64) {
	for _, id := range c.groupsWhere(func(g *group) bool { return len(g.pending) == 0 }) {
		g := c.groups[id]
		expired, ok := g.expiry(now, c.config.OffsetsRetentionMS)
		if !ok {
			continue
		}
		keys := g.offsetKeys(expired)
		records := g.tombstones(keys)
		if g.state == empty && len(keys) == len(g.offsets) {
			records = append(records, coordination.Record{Key: groupRecordKey(id)})
		}
		if c.writer.WriteAll(id, records) != nil {
			return // not now
		}
	}
}

// expiry tells which offsets are expired that were not needed for as long as they are kept; ok is
// false if none may be.
func (g *group) expiry(now, retention int64) (expired func(offsetKey, offset) bool, ok bool) {
	before := now - retention
	switch {
	case g.state == empty && g.protocolType == "":
		return func(_ offsetKey, o offset) bool { return o.expired(now, before, o.at) }, true
	case g.state == empty:
		return func(_ offsetKey, o offset) bool { return o.expired(now, before, max(o.at, g.since)) }, true
	case g.state != stable || g.protocolType != consumerType:
		return nil, false
	}
	topics, known := g.subscription()
	return func(k offsetKey, o offset) bool { return !topics[k.topic] && o.expired(now, before, o.at) }, known
}

// expired reports whether an offset's time is over: its own, or else that of all offsets, which are
// expired if they were last needed before some time.
func (o offset) expired(now, before, needed int64) bool {
	if o.expires != 0 {
		return now >= o.expires
	}
	return needed < before
}

func everyOffset(offsetKey, offset) bool { return true }

// offsetKeys returns what the group has offsets of that a condition holds for, in order.
func (g *group) offsetKeys(ok func(offsetKey, offset) bool) []offsetKey {
	var keys []offsetKey
	for k, o := range g.offsets {
		if ok(k, o) {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b offsetKey) int {
		return cmp.Or(cmp.Compare(a.topic, b.topic), cmp.Compare(a.partition, b.partition))
	})
	return keys
}
