package replica

import (
	"slices"
	"testing"
	"time"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/actors/journal"
	"github.com/troupe-mq/troupe/actors/remote"
	"github.com/troupe-mq/troupe/actors/spans"
	"github.com/troupe-mq/troupe/actors/stages"
	"github.com/troupe-mq/troupe/protocol/batch"
	"github.com/troupe-mq/troupe/raft"
	"github.com/troupe-mq/troupe/raft/partition"
	"github.com/troupe-mq/troupe/storage"
	"github.com/troupe-mq/troupe/storage/memory"
)

// recorded is a tracer that keeps what is recorded.
func recorded() (*spans.Tracer, func() []spans.Span) {
	var all []spans.Span
	return spans.NewTracer(1, func(s spans.Span) { all = append(all, s) }), func() []spans.Span { return all }
}

func names(all []spans.Span) (names []string) {
	for _, s := range all {
		names = append(names, s.Name)
	}
	return names
}

// staged is the entry that a leader makes of one batch.
func stagedEntry(t *testing.T) [][]byte {
	t.Helper()
	p := partition.New(partition.Limits{})
	p.Lead(5)
	if _, err := p.Stage(batch.Build([]batch.Record{{Value: []byte("x")}}), partition.StageOptions{AppendTime: -1}); err != nil {
		t.Fatal(err)
	}
	return p.Cut()
}

func appendOf(index uint64, data []byte) *storage.Append {
	return &storage.Append{Entries: []*raftpb.Entry{{Index: &index, Data: data}}}
}

func TestATracedBatchOnItsWay(t *testing.T) {
	tracer, seen := recorded()
	leader, follower := &traces{tracer: tracer, shard: 7, replica: 1}, &traces{tracer: tracer, shard: 7, replica: 2}
	root := spans.Context{Trace: spans.TraceID{1}, Span: spans.SpanID{9}}
	request := &Records{Trace: &spans.Traced{Context: root, Name: "produce", Tracer: tracer}, sent: 1}
	data := stagedEntry(t)

	leader.stage(request, 0, 1, 2)
	leader.proposed(11, 5, data)
	message := &raftpb.Message{Type: raftpb.MsgApp.Enum(), Term: new(uint64(5)), Entries: appendOf(11, data[0]).Entries}
	marks := leader.of(message)
	if len(marks) != 1 || marks[0].Index != 11 || marks[0].Trace != root.Trace {
		t.Fatalf("beside the message travels %v", marks)
	}
	here := leader.times(appendOf(11, data[0]))
	leader.handedOver()
	step := StepOf(2, remote.Raft{Message: message, Marks: marks, Arrived: 20})
	follower.follow(step)
	follower.follow(step) // raft repeats
	there := follower.times(appendOf(11, data[0]))
	here.Set(journal.Times{Begin: 30, Durable: 40})
	there.Set(journal.Times{Begin: 31, Durable: 41})
	leader.written()
	follower.written()
	leader.applied(11, 50)
	follower.applied(11, 60)

	want := []string{"queue", "propose", "append", "sync", "receive", "replicate", "append", "sync", "commit", "apply", "apply"}
	if got := names(seen()); !slices.Equal(got, want) {
		t.Fatalf("recorded %v, want %v", got, want)
	}
	by := map[spans.SpanID]spans.Span{}
	for _, s := range seen() {
		by[s.Span] = s
		if s.Trace != root.Trace || s.Place.Index != 11 && s.Name != "queue" || s.Place.Offset != 0 {
			t.Errorf("%s is of trace %x at %+v", s.Name, s.Trace, s.Place)
		}
	}
	parents := map[string]string{"commit": "", "replicate": "commit", "receive": "replicate", "queue": "", "propose": ""}
	for _, s := range seen() {
		parent, known := parents[s.Name]
		if known && by[s.Parent].Name != parent || parent == "" && known && s.Parent != root.Span {
			t.Errorf("%s lies below %q, want %q", s.Name, by[s.Parent].Name, parent)
		}
	}
	if len(leader.marks)+len(follower.marks)+len(leader.staged) != 0 {
		t.Error("something is followed after it was applied")
	}
	v := &View{traced: leader.done}
	if got := v.Traced(0, 1); len(got) != 1 || got[0] != root {
		t.Errorf("a fetch of the record finds %v", got)
	}
	if got := v.Traced(1, 9); got != nil {
		t.Errorf("a fetch behind the record finds %v", got)
	}
}

func TestTracesEndWithTheLeadership(t *testing.T) {
	tracer, seen := recorded()
	tr := &traces{tracer: tracer}
	tr.stage(&Records{Trace: &spans.Traced{Context: spans.Context{Trace: spans.TraceID{1}}, Tracer: tracer}}, 0, 1, 2)
	tr.proposed(11, 5, stagedEntry(t))
	tr.turned(raft.Status{Role: raft.Leader, Term: 5}, raft.Status{Role: raft.Follower, Term: 6})
	tr.applied(11, 50)
	if got := names(seen()); !slices.Equal(got, []string{"queue"}) {
		t.Errorf("recorded %v of an entry that another leader decides about", got)
	}
}

func TestHandedOutIsBounded(t *testing.T) {
	tr := &traces{}
	for i := range int64(3 * handedKept) {
		before := tr.done
		tr.hand(spans.Handed{Base: i, Next: i + 1})
		if len(before) > 0 && before[len(before)-1].Base != i-1 {
			t.Fatal("a list that a view may show was changed")
		}
	}
	if len(tr.done) != handedKept || tr.done[handedKept-1].Base != 3*handedKept-1 {
		t.Errorf("%d are kept up to %d", len(tr.done), tr.done[len(tr.done)-1].Base)
	}
}

func TestWithoutATracerNothingIsFollowed(t *testing.T) {
	tr := newTraces(Options{})
	tr.stage(&Records{}, 0, 1, stages.Now())
	tr.follow(&Step{Message: &raftpb.Message{}, Marks: []spans.Mark{{Index: 1}}})
	if tr.times(appendOf(1, nil)) != nil || len(tr.marks) != 0 {
		t.Error("something is followed")
	}
}

// TestTheJournalWritesWhileAReplicaLooks has a replica look at how a traced write went, as it does
// when any of its writes is durable, while the journal finishes it. The race detector sees what is
// wrong.
func TestTheJournalWritesWhileAReplicaLooks(t *testing.T) {
	tracer, seen := recorded()
	follower := &traces{tracer: tracer, shard: 7, replica: 2}
	data := stagedEntry(t)
	message := &raftpb.Message{Type: raftpb.MsgApp.Enum(), Term: new(uint64(5)), Entries: appendOf(11, data[0]).Entries}
	follower.follow(StepOf(2, remote.Raft{Message: message, Marks: []spans.Mark{{Index: 11, Context: spans.Context{Trace: spans.TraceID{1}, Span: spans.SpanID{9}}}}, Arrived: 20}))
	j := journal.New(memory.New(), journal.Options{Fatal: func(err error) { t.Error(err) }})
	defer j.Close()
	at := storage.Position{Index: 10, Term: 5}
	a := appendOf(11, data[0])
	a.State = storage.State{Shard: 7, Replica: 2, Start: at, Last: storage.Position{Index: 11, Term: 5}}
	a.Entries[0].Term = new(uint64(5))
	j.Writes([]journal.Write{{Append: *a, Times: follower.times(a)}})
	for deadline := time.Now().Add(time.Minute); len(seen()) == 0 && time.Now().Before(deadline); {
		follower.written()
	}
	if got := names(seen()); !slices.Equal(got, []string{"receive", "replicate", "append", "sync"}) {
		t.Errorf("recorded %v", got)
	}
}
