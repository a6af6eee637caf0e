package group

import (
	"cmp"
	"slices"
)

// ApplyRetention implements coordination.Core. It deletes offsets that were kept for their time
// (KIP-211), and groups that have nothing left:
//   - of a group without members, from when its last member left or its last commit, whichever is
//     later;
//   - of a group that consumes, for topics that no member subscribes to, from their commit.
//
// An offset whose client said how long it is to be kept is kept for so long from its commit.
func (c *Coordinator) ApplyRetention(now int64) {
	for _, id := range c.groupsWhere(anyGroup) {
		g := c.groups[id]
		expired, ok := g.kind.expiry(now, c.config.OffsetsRetentionMS)
		if !ok {
			continue
		}
		keys := g.offsetKeys(expired)
		records := g.offsetTombstones(keys)
		if g.kind.vacant() && len(keys) == len(g.offsets) {
			records = append(records, g.kind.tombstones()...)
		}
		if c.writer.WriteAll(id, records) != nil {
			return // not now
		}
	}
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
