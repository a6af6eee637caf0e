package replica

import (
	"slices"

	"github.com/troupe-mq/troupe/actors/journal"
	"github.com/troupe-mq/troupe/actors/remote"
	"github.com/troupe-mq/troupe/actors/spans"
	"github.com/troupe-mq/troupe/actors/stages"
	"github.com/troupe-mq/troupe/raft"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/raft/partition"
	"github.com/troupe-mq/troupe/storage"

	"go.etcd.io/raft/v3/raftpb"
)

// traces follows the traced batches of one replica through its log. The actor owns it. While
// nothing is traced it holds nothing, and each of its methods looks at the length of a list.
//
//	produce ┬ queue, propose
//	        ├ commit ┬ append, sync                      in links and journal → a majority has it
//	        │        └ replicate ─ receive, append, sync on each follower: arrived → durable there
//	        └ apply                                      on followers below commit
type traces struct {
	tracer  *spans.Tracer // nil while tracing is off
	shard   storage.ShardID
	replica storage.ReplicaID
	staged  []staging // in this turn
	marks   []mark    // of entries in the log and not applied, in order of index
	// the newest traced records that are committed, for the fetches that hand them out
	done []spans.Handed
}

// staging is a traced batch that is staged.
type staging struct {
	traced     *spans.Traced
	base, next int64
}

// mark is an entry that a traced batch is in.
type mark struct {
	staging                // traced is nil on a follower
	index    uint64        // of the entry
	term     uint64        // in which it was learned of
	own      spans.Context // of commit on the leader, of replicate on a follower
	parent   spans.SpanID  // of that span
	arrived  stages.Moment // on a follower: the message that brought the entry
	handed   stages.Moment // to the journal, on the leader to the links too
	times    *journal.Timing
	recorded bool // that it is durable
}

// Bounds of what is followed at once: marks beyond are not traced further, and of what was handed
// out the newest are known.
const (
	marksKept  = 1024
	handedKept = 64
)

func newTraces(o Options) *traces {
	return &traces{tracer: o.Tracer, shard: o.Shard, replica: o.Replica}
}

func (t *traces) place(m *mark) spans.Place {
	p := spans.Place{Partition: -1, Offset: m.base}
	if m.traced != nil {
		p = m.traced.Place
	}
	p.Shard, p.Replica, p.Term, p.Index = uint64(t.shard), uint64(t.replica), m.term, m.index
	return p
}

func (t *traces) record(m *mark, c spans.Context, parent spans.SpanID, name string, begin, end stages.Moment) {
	t.tracer.Record(spans.Span{Context: c, Parent: parent, Name: name, Begin: begin, End: end, Place: t.place(m)})
}

// child records a span below a mark's own.
func (t *traces) child(m *mark, name string, begin, end stages.Moment) {
	t.record(m, spans.Context{Trace: m.own.Trace, Span: spans.NewSpanID()}, m.own.Span, name, begin, end)
}

// stage takes a request that was staged.
func (t *traces) stage(r *Records, base, next int64, turn stages.Moment) {
	if r.Trace == nil || t.tracer == nil {
		return
	}
	r.Trace.Place.Offset = base
	r.Trace.Next("queue", turn)
	t.staged = append(t.staged, staging{r.Trace, base, next})
}

// proposed marks the entries that the staged batches went into, before they are handed to links and
// journal.
func (t *traces) proposed(first, term uint64, data [][]byte) {
	for _, s := range t.staged {
		if len(t.marks) >= marksKept {
			break
		}
		at := 0
		for i := range data {
			if h, ok, err := partition.ParseHeader(data[i]); ok && err == nil && h.Kind == partition.KindRecords && h.BaseOffset <= s.base {
				at = i
			}
		}
		own := spans.Context{Trace: s.traced.Trace, Span: spans.NewSpanID()}
		t.marks = append(t.marks, mark{staging: s, index: first + uint64(at), term: term, own: own, parent: s.traced.Span})
	}
}

// handedOver tells that what was proposed in this turn is with links and journal.
func (t *traces) handedOver() {
	if len(t.staged) == 0 {
		return
	}
	now := stages.Now()
	for i := len(t.marks) - len(t.staged); i < len(t.marks); i++ {
		if i < 0 || t.marks[i].traced == nil {
			continue
		}
		m := &t.marks[i]
		m.traced.Place = t.place(m)
		m.traced.Next("propose", now)
		m.handed = now
	}
	t.staged = t.staged[:0]
}

// forget drops what is not applied: another leader decides about it.
func (t *traces) forget() { t.marks, t.staged = nil, nil }

// of returns what travels beside a message: the marks of its entries.
func (t *traces) of(m *raftpb.Message) []spans.Mark {
	if len(t.marks) == 0 || len(m.Entries) == 0 || m.GetType() != raftpb.MsgApp {
		return nil
	}
	var all []spans.Mark
	first, last := m.Entries[0].GetIndex(), m.Entries[len(m.Entries)-1].GetIndex()
	for _, k := range t.marks {
		if k.traced != nil && k.index >= first && k.index <= last {
			all = append(all, spans.Mark{Index: k.index, Context: k.own})
		}
	}
	return all
}

// follow takes the marks that came beside a leader's message. One that comes again with the same
// entry is known.
func (t *traces) follow(s *Step) {
	if len(s.Marks) == 0 || t.tracer == nil {
		return
	}
	for _, k := range s.Marks {
		known := slices.ContainsFunc(t.marks, func(m mark) bool { return m.index == k.Index && m.parent == k.Span })
		if known || len(t.marks) >= marksKept {
			continue
		}
		own := spans.Context{Trace: k.Trace, Span: spans.NewSpanID()}
		m := mark{index: k.Index, term: s.Message.GetTerm(), own: own, parent: k.Span, arrived: s.Arrived}
		at, _ := slices.BinarySearchFunc(t.marks, k.Index, func(m mark, index uint64) int { return int(int64(m.index - index)) })
		t.marks = slices.Insert(t.marks, at, m)
	}
}

// times returns where the journal is to say how a write went, nil if nothing in it is traced.
func (t *traces) times(w *storage.Append) *journal.Timing {
	if len(t.marks) == 0 || len(w.Entries) == 0 {
		return nil
	}
	var times *journal.Timing
	first, last := w.Entries[0].GetIndex(), w.Entries[len(w.Entries)-1].GetIndex()
	for i := range t.marks {
		m := &t.marks[i]
		if m.index < first || m.index > last || m.times != nil {
			continue
		}
		if times == nil {
			times = &journal.Timing{}
		}
		m.times, m.handed = times, stages.Now()
		if m.traced == nil {
			if h, ok, err := partition.ParseHeader(w.Entries[m.index-first].Data); ok && err == nil {
				m.base = h.BaseOffset
			}
		}
	}
	return times
}

// written records what has become durable.
func (t *traces) written() {
	for i := range t.marks {
		m := &t.marks[i]
		if m.recorded || m.times == nil {
			continue
		}
		at, durable := m.times.Get()
		if !durable {
			continue
		}
		m.recorded = true
		if m.traced == nil {
			t.child(m, "receive", m.arrived, m.handed)
			t.record(m, m.own, m.parent, "replicate", m.arrived, at.Durable)
		}
		t.child(m, "append", m.handed, at.Begin)
		t.child(m, "sync", at.Begin, at.Durable)
	}
}

// applied records what is committed and applied, up to an entry, by a turn.
func (t *traces) applied(index uint64, turn stages.Moment) {
	n := 0
	for ; n < len(t.marks) && t.marks[n].index <= index; n++ {
		m := &t.marks[n]
		now := stages.Now()
		if m.traced == nil {
			t.record(m, spans.Context{Trace: m.own.Trace, Span: spans.NewSpanID()}, m.parent, "apply", turn, now)
			continue
		}
		m.traced.NextAs(m.own, "commit", turn)
		m.traced.Next("apply", now)
		t.hand(spans.Handed{Base: m.base, Next: m.next, Context: m.traced.Context})
	}
	if n > 0 {
		t.marks = slices.Delete(t.marks, 0, n)
	}
}

// hand remembers traced records. What views show is never changed in place.
func (t *traces) hand(h spans.Handed) {
	from := max(len(t.done)+1-handedKept, 0)
	t.done = append(slices.Clone(t.done[from:]), h)
}

// Traces reports whether Traced knows of any.
func (v *View) Traces() bool { return len(v.traced) > 0 }

// Traced returns which records in [from, to) are traced, of those that were committed here last.
func (v *View) Traced(from, to int64) []spans.Context {
	var all []spans.Context
	for _, h := range v.traced {
		if h.Base < to && h.Next > from {
			all = append(all, h.Context)
		}
	}
	return all
}

// StepOf is the message that brings what came over a link from a node.
func StepOf(from metadata.NodeID, m remote.Raft) *Step {
	return &Step{From: from, Message: m.Message, Marks: m.Marks, Arrived: m.Arrived}
}

// turned forgets what is traced when somebody else begins to lead.
func (t *traces) turned(before, after raft.Status) {
	if len(t.marks) > 0 && (before.Role == raft.Leader || after.Role == raft.Leader || before.Term != after.Term) {
		t.forget()
	}
}
