package sim

import (
	"time"

	"github.com/troupe-mq/troupe/actors/replica"
)

// strayed notes by how much a node's clock is wrong.
func (w *World) strayed(by time.Duration) { w.load.strayed = max(w.load.strayed, by, -by) }

// aging notes when a record was sent that will be deleted by age.
func (w *World) aging(p partition, offset int64, sent time.Time) {
	if w.retention(p.topic) == 0 {
		return
	}
	if w.load.sent[p] == nil {
		w.load.sent[p] = make(map[int64]time.Time)
	}
	w.load.sent[p][offset] = sent
}

func (w *World) retention(topic string) time.Duration {
	for _, t := range w.kind.topics {
		if t.name == topic {
			return t.retention
		}
	}
	return 0
}

// trimmed holds the records that a leader has just deleted against their ages: none is younger than
// it may be, as far as nodes know the time.
func (w *World) trimmed(p *process, v *replica.View, from int64) {
	if p.node == nil || w.load == nil {
		return
	}
	part := p.node.Image().Shard(v.Shard)
	if part == nil {
		return
	}
	at, kept := partition{part.Topic, part.Index}, w.retention(part.Topic)
	for offset := from; offset < v.LogStart && kept > 0; offset++ {
		sent, known := w.load.sent[at][offset]
		if age := w.now.time().Sub(sent); known && age < kept-w.load.strayed {
			w.violate(Kept, "%s-%d starts at %d on %s: the record at offset %d is deleted at the age of %s, retention.ms is %s, clocks were wrong by up to %s", at.topic, at.number,
				v.LogStart, p.name(), offset, age, kept, w.load.strayed)
			return
		}
		delete(w.load.sent[at], offset)
	}
}
