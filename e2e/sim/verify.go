package sim

import (
	"bytes"

	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/e2e/history"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage/memory"
)

// verify reads everything there is and holds the history against it.
func (w *World) verify() {
	var final []history.Seen
	image := w.image()
	starts := make(map[history.Partition]int64)
	for _, plan := range w.topics() {
		if plan.apart {
			continue
		}
		for n := range plan.partitions {
			p := partition{plan.name, n}
			part := image.Partition(plan.name, n)
			if part == nil {
				continue
			}
			start := w.compare(plan, p, part, &final)
			if !plan.compacted {
				starts[p.history()] = start
			}
		}
	}
	h := w.load.history
	h.Sends = keptSends(h.Sends, starts)
	for _, v := range history.Check(h, final) {
		w.violate(Kept, "%v", v)
	}
}

// keptSends leaves out what stood before the logs' starts and what was sent to other topics.
func keptSends(all []history.Send, starts map[history.Partition]int64) []history.Send {
	var kept []history.Send
	for _, s := range all {
		start, ok := starts[s.Partition]
		if ok && !(s.Outcome == history.Acked && s.Offset < start) {
			kept = append(kept, s)
		}
	}
	return kept
}

// compare reads a partition on all its replicas, which must hold the same, and returns where its
// log starts.
func (w *World) compare(plan topicPlan, p partition, part *metadata.Partition, final *[]history.Seen) int64 {
	var first []byte
	start, from := int64(-1), metadata.NodeID(-1)
	for _, r := range part.Replicas {
		if w.outOfService(r.ID) {
			continue
		}
		v := w.machines[r.Node].process.node.Replica(part.Shard).View()
		if plan.compacted {
			w.compactedRight(p, v, r.Node)
		}
		all, ok := w.readAll(p, v, r.Node)
		switch {
		case !ok:
			return v.LogStart
		case from < 0:
			first, start, from = all, v.LogStart, r.Node
		case !bytes.Equal(first, all):
			w.violate(SameBytes, "%s-%d differs between n%d and n%d", p.topic, p.number, from, r.Node)
		}
	}
	for offset, value := range w.load.at[p] {
		if offset >= start && !plan.compacted {
			*final = append(*final, history.Seen{Partition: p.history(), Offset: offset, Value: value})
		}
	}
	return start
}

// readAll reads a replica from its start to its end; what it reads is noted.
func (w *World) readAll(p partition, v *replica.View, n metadata.NodeID) (all []byte, ok bool) {
	reader := w.newClient("verify")
	for offset := v.LogStart; offset < v.HighWatermark; {
		chunks, err := v.Read(offset, replica.FetchLimits{MaxBytes: 1 << 20, MinOne: true, Upto: v.HighWatermark})
		if err != nil || len(chunks) == 0 {
			s, _ := w.machines[n].disk.store.State(memory.Live, v.Replica)
			w.note(w.clients, "view %+v state %+v", v, s)
			w.violate(Kept, "%s-%d cannot be read at offset %d on n%d: %v", p.topic, p.number, offset, n, err)
			return nil, false
		}
		for _, c := range chunks {
			all = append(all, c...)
			f := &fetched{end: v.HighWatermark, next: offset}
			reader.read(p, offset, c, f)
			offset = f.next
		}
	}
	return all, true
}
