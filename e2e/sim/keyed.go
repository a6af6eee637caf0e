package sim

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/protocol/batch"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// tombstone is what stands for a record without a value where values are noted.
const tombstone = "\x00tombstone"

// keyedRecord is a record of a compacted topic.
type keyedRecord struct {
	key    string
	value  string // tombstone if it has none
	offset int64
}

// keys is how many keys the records of a compacted partition have.
const keys = 12

// keyedProducer writes records of few keys to compacted topics, and now and then a tombstone. What
// it is not told about may be there or not.
func keyedProducer(c *client) {
	w := c.world
	for !w.load.quiet {
		at := w.aCompacted()
		var records []batch.Record
		for range 1 + w.pick(4) {
			w.load.values++
			r := batch.Record{Timestamp: w.now.time().UnixMilli(), Key: fmt.Appendf(nil, "key-%d", w.pick(keys)), Value: fmt.Appendf(nil, "%s-%d", c.name, w.load.values)}
			if w.chance(4) {
				r.Value = nil
			} else if w.chance(12) {
				r.Value = append(r.Value, make([]byte, 3000)...)
			}
			records = append(records, r)
		}
		p := &sending{at: at, batch: w.compressed(batch.Build(records))}
		if c.ship(p) {
			if o := c.outcome(p); o.code == 0 && o.noted == nil {
				for i, r := range records {
					w.keyed(at, keyedRecord{string(r.Key), keyedValue(r.Value), o.base + int64(i)}, "was acknowledged")
				}
			}
		}
		c.rest(w.think())
	}
}

func keyedValue(v []byte) string {
	if v == nil {
		return tombstone
	}
	return valueOf(v)
}

// keyed notes a record that was acknowledged or read. It keeps its offset for as long as it is
// there.
func (w *World) keyed(p partition, r keyedRecord, how string) {
	w.saw(p, r.offset, r.key+"="+r.value, how)
	all := w.load.keyed[p]
	if all == nil {
		all = make(map[string]keyedRecord)
		w.load.keyed[p] = all
	}
	if last, ok := all[r.key]; !ok || last.offset < r.offset {
		all[r.key] = r
	}
	w.load.ends[p] = max(w.load.ends[p], r.offset+1)
}

// compactedRight holds what is left of a compacted partition on a replica against what is known of
// it: of every key the last record is there, unless it is a tombstone, of which neither it nor
// anything before it has to be; and what is there reaches to the end.
func (w *World) compactedRight(p partition, v *replica.View, n metadata.NodeID) {
	left := map[string]keyedRecord{}
	rows := 0
	offset := v.LogStart
	for offset < v.HighWatermark {
		chunks, err := v.Read(offset, replica.FetchLimits{MaxBytes: 1 << 20, MinOne: true, Upto: v.HighWatermark})
		if err != nil || len(chunks) == 0 {
			w.violate(Kept, "%s-%d ends at %d on n%d, and a reader comes no further than %d: %v", p.topic, p.number, v.HighWatermark, n, offset, err)
			return
		}
		for _, c := range chunks {
			for rest := []byte(c); len(rest) > 0; {
				b, after, ok := batch.Next(rest)
				if !ok {
					break
				}
				records, err := b.Records()
				if err != nil {
					w.violate(SameBytes, "%s-%d: a batch at offset %d on n%d cannot be read: %v", p.topic, p.number, b.BaseOffset(), n, err)
					return
				}
				for _, r := range records {
					one := keyedRecord{string(r.Key), keyedValue(r.Value), r.Offset}
					w.keyed(p, one, "is left on "+w.machines[n].name())
					left[one.key] = one
					rows++
				}
				offset, rest = b.NextOffset(), after
			}
		}
	}
	w.keptLast(p, n, left)
	if known := w.load.ends[p]; v.HighWatermark < known {
		w.violate(Kept, "%s-%d ends at %d on n%d, but offset %d was acknowledged", p.topic, p.number, v.HighWatermark, n, known-1)
	}
	w.load.rows[p] = rows
}

// keptLast holds the newest record of each key that is left against the newest that is known.
func (w *World) keptLast(p partition, n metadata.NodeID, left map[string]keyedRecord) {
	all := w.load.keyed[p]
	for _, key := range slices.Sorted(maps.Keys(all)) {
		last := all[key]
		got, there := left[key]
		switch {
		case there && got.offset >= last.offset:
		case last.value == tombstone && !there:
		default:
			w.violate(Kept, "%s-%d on n%d: the last record of %s is %q at offset %d, what is left of it is %q at offset %d (any: %t)", p.topic, p.number, n, key,
				last.value, last.offset, got.value, got.offset, there)
			return
		}
	}
}

// cleanedInTheEnd waits until compacted partitions, which nobody writes to any more, hold few
// records more than they have keys: the cleaners still work.
func (w *World) cleanedInTheEnd() {
	if w.over || !slices.ContainsFunc(w.kind.topics, func(t topicPlan) bool { return t.compacted }) {
		return
	}
	why := ""
	for until := w.now.plus(resting); w.now < until; w.run(w.now.plus(time.Second)) {
		if why = w.uncleaned(); why == "" || w.over {
			return
		}
	}
	w.violate(Converges, "%s", why)
}

// uncleaned tells which compacted partition was not cleaned.
func (w *World) uncleaned() string {
	for _, t := range w.kind.topics {
		for n := range t.partitions {
			part := w.image().Partition(t.name, n)
			if !t.compacted || part == nil {
				continue
			}
			if rows := w.rows(part); rows > 2*keys {
				return fmt.Sprintf("%s-%d is not cleaned: there are %d records of %d keys, and nobody writes", t.name, n, rows, keys)
			}
		}
	}
	return ""
}

// rows counts the records that the leader of a partition shows.
func (w *World) rows(part *metadata.Partition) (rows int) {
	for _, m := range w.up() {
		ref := m.process.node.Replica(part.Shard)
		if ref == nil || ref.View().Role != replica.Leader {
			continue
		}
		v := ref.View()
		for offset := v.LogStart; offset < v.HighWatermark; {
			chunks, err := v.Read(offset, replica.FetchLimits{MaxBytes: 1 << 20, MinOne: true, Upto: v.HighWatermark})
			if err != nil || len(chunks) == 0 {
				break
			}
			for _, c := range chunks {
				for b, rest, ok := batch.Next(c); ok; b, rest, ok = batch.Next(rest) {
					rows += int(b.Count())
					offset = b.NextOffset()
				}
			}
		}
	}
	return rows
}

// endReader reads compacted topics from their start to the end that ListOffsets tells, as programs
// do that load a table from a topic, and must get there.
func endReader(c *client) {
	w := c.world
	for !w.load.quiet {
		p := w.aCompacted()
		at, ok := c.offsetOf(p, -2)
		end, also := c.offsetOf(p, -1)
		since := w.now
		for ok && also && at < end && !w.load.quiet {
			f, answered := c.fetch(p, at, 500*time.Millisecond)
			switch {
			case !answered || f.code != 0:
				c.rest(500 * time.Millisecond)
				since = max(since, w.now.plus(-1)) // nobody could be asked
			case f.next > at:
				at, since = f.next, w.now
			case w.now > since.plus(stuckReader):
				w.violate(Kept, "%s: %s-%d was told to end at %d, and from %d on there is nothing to read, with high watermark %d", c.name, p.topic, p.number, end, at, f.end)
			}
		}
		c.rest(8 * w.think())
	}
}

// stuckReader is for how long a reader that is answered without records before the end has to get
// none to be stuck.
const stuckReader = 15 * time.Second
