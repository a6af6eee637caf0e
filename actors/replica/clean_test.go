package replica

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/journal"
	"github.com/troupe-mq/troupe/actors/remote"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/protocol/batch"
	"github.com/troupe-mq/troupe/raft"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/raft/partition"
	"github.com/troupe-mq/troupe/storage"
	"github.com/troupe-mq/troupe/storage/memory"
)

// alone is a node with one replica, the only one of its shard. What is sent to the actor is done
// before send returns.
type alone struct {
	t      testing.TB
	store  storage.Store
	reopen func() storage.Store // closes the store and opens it again
	meters Meters
	// producers are shared with other replicas; nil bounds nothing
	producers *Producers
	ref       *Ref
	actor     *Actor
	queue     []any
	busy      bool
	blank     bool // nothing is stored
	slow      bool // writes are not told to be done
}

func (n *alone) Write(w journal.Write) {
	if n.slow {
		return
	}
	if n.blank {
		w.Done()
		return
	}
	if err := n.store.Write([]storage.Append{w.Append}); err != nil {
		n.t.Fatal(err)
	}
	w.Done()
}
func (n *alone) Send(metadata.NodeID, remote.Raft) {}
func (*alone) Pull(metadata.NodeID, *raft.Pull)    {}

func (*alone) Restored(storage.ShardID, storage.ReplicaID, uint64) {}

func (n *alone) Flush()        {}
func (n *alone) Changed(*View) {}
func (n *alone) Quarantine(_ storage.ShardID, _ storage.ReplicaID, cause error) {
	n.t.Fatalf("quarantined: %v", cause)
}

func (n *alone) send(m any) {
	n.queue = append(n.queue, m)
	for !n.busy && len(n.queue) > 0 {
		n.busy = true
		all := n.queue
		n.queue = nil
		n.actor.Turn(all)
		n.busy = false
	}
}

const aloneReplica = 1 << 32

func newAlone(t testing.TB) *alone {
	store := memory.New()
	return newAloneOn(t, store, func() storage.Store { store.Reopen(); return store })
}

func newAloneOn(t testing.TB, store storage.Store, reopen func() storage.Store) *alone {
	n := &alone{t: t, store: store, reopen: reopen}
	if err := n.store.Write([]storage.Append{raft.Found(256, aloneReplica, []storage.ReplicaID{aloneReplica}, nil)}); err != nil {
		t.Fatal(err)
	}
	n.open()
	return n
}

// open opens the replica on what the store holds and has it lead.
func (n *alone) open() {
	n.t.Helper()
	states, err := n.store.Replicas()
	if err != nil {
		n.t.Fatal(err)
	}
	var queue []any
	n.ref, err = OpenPartition(Options{
		Shard: 256, Replica: aloneReplica, Self: 1, Members: Members{{Replica: aloneReplica, Node: 1}}, State: states[0], Store: n.store, Node: n, Meters: &n.meters, Producers: n.producers,
	}, func(a *Actor) (Mailbox, error) {
		n.actor = a
		return func(m any) { queue = append(queue, m); n.take(&queue) }, nil
	})
	if err != nil {
		n.t.Fatal(err)
	}
	n.take(&queue)
	for range 100 {
		if n.ref.View().Role == Leader {
			return
		}
		n.send(&Tick{1})
	}
	n.t.Fatal("it does not lead")
}

// restart stops the node and starts it on what it has stored: it leads in another epoch then.
func (n *alone) restart() {
	n.t.Helper()
	n.ref, n.queue = nil, nil
	n.store = n.reopen()
	n.open()
}

// take moves what the mailbox got before the reference was there.
func (n *alone) take(queue *[]any) {
	if n.ref == nil {
		return
	}
	all := *queue
	*queue = nil
	for _, m := range all {
		n.send(m)
	}
}

func (n *alone) produce(records ...batch.Record) {
	n.t.Helper()
	n.ref.Append(&Records{Batches: batch.Build(records), Epoch: -1, Done: func(a Appended) {
		if a.Err != nil {
			n.t.Fatal(a.Err)
		}
	}})
}

func (n *alone) tend(policy partition.Policy, now int64) (got Tended) {
	n.t.Helper()
	called := false
	n.ref.Send(&Tend{Policy: policy, Now: now, Retain: true, Done: func(t Tended) { got, called = t, true }})
	if !called || got.Err != nil {
		n.t.Fatalf("a leader answers: %v", got.Err)
	}
	return got
}

// read returns what a consumer reads from an offset on, a little at a time.
func (n *alone) read(from int64) []batch.Record {
	n.t.Helper()
	return n.readView(n.ref.View(), from)
}

func (n *alone) readView(v *View, from int64) (all []batch.Record) {
	n.t.Helper()
	for offset := from; offset < v.HighWatermark; {
		chunks, err := v.Read(offset, FetchLimits{MaxBytes: 300, MinOne: true, Upto: v.HighWatermark})
		if err != nil {
			n.t.Fatalf("offset %d: %v", offset, err)
		}
		if len(chunks) == 0 {
			n.t.Fatalf("nothing is read at offset %d of [%d, %d): who reads on waits for ever", offset, v.LogStart, v.HighWatermark)
		}
		for _, chunk := range chunks {
			for rest := []byte(chunk); len(rest) > 0; {
				b, after, _ := batch.Next(rest)
				records, err := b.Records()
				if err != nil {
					n.t.Fatal(err)
				}
				for _, r := range records {
					if r.Offset >= from {
						all = append(all, r)
					}
				}
				offset, rest = b.NextOffset(), after
			}
		}
	}
	return all
}

var compacted = partition.Policy{Compact: true, SegmentBytes: 1, RetentionMS: -1, RetentionBytes: -1, MaxLagMS: math.MaxInt64, TombstoneMS: 1 << 40}

func (n *alone) clean(now int64) {
	n.t.Helper()
	t := n.tend(compacted, now)
	if !t.Due {
		n.t.Fatal("nothing is due")
	}
	c := &Cleaner{Runtime: actors.Goroutines{}}
	if _, _, err := c.Clean(n.ref, t); err != nil {
		n.t.Fatal(err)
	}
}

// A cleaned log is read from any offset, from what was kept over into what was not cleaned, by
// offset and by time, also after a restart; the entries that it was made of are given up.
func TestCleanedLogIsRead(t *testing.T) {
	n := newAlone(t)
	value := func(i int) batch.Record {
		return batch.Record{Timestamp: int64(1000 + i), Key: fmt.Append(nil, "key ", i%10), Value: fmt.Append(nil, "value ", i)}
	}
	for i := range 95 {
		n.produce(value(i))
	}
	n.clean(1)
	for i := 95; i < 100; i++ {
		n.produce(value(i))
	}
	check := func(when string) {
		t.Helper()
		got := n.read(0)
		if len(got) != 15 || got[0].Offset != 85 || got[9].Offset != 94 || got[14].Offset != 99 {
			t.Fatalf("%s: %d records from %d on", when, len(got), got[0].Offset)
		}
		for from := int64(0); from < 100; from++ {
			if got := n.read(from); int64(len(got)) != min(15, 100-from) || got[0].Offset != max(from, 85) {
				t.Fatalf("%s: %d records from offset %d on, the first %d", when, len(got), from, got[0].Offset)
			}
			at, found, err := n.ref.View().OffsetForTime(1000 + from)
			if err != nil || !found || at.Offset != max(from, 85) {
				t.Fatalf("%s: time %d is at %+v (%v %v)", when, 1000+from, at, found, err)
			}
		}
		if at, found, err := n.ref.View().MaxTimestamp(); err != nil || !found || at.Offset != 99 {
			t.Fatalf("%s: the largest timestamp is at %+v (%v %v)", when, at, found, err)
		}
	}
	check("cleaned")
	n.restart()
	check("opened again")
	n.clean(2)
	if got := n.read(0); len(got) != 10 || got[0].Offset != 90 {
		t.Fatalf("cleaned again: %d records from %d on", len(got), got[0].Offset)
	}
	if v := n.ref.View(); v.first < 100 {
		t.Fatalf("the log could begin at entry %d", v.first)
	}
}

// A reader that looks with a view of before the cleaning finds what it looks for where it lies now.
func TestAnOldViewReadsOn(t *testing.T) {
	n := newAlone(t)
	for i := range 50 {
		// most do not fit into the tail
		n.produce(batch.Record{Key: fmt.Append(nil, i%5), Value: make([]byte, tailBytes/20)})
	}
	old := n.ref.View()
	n.clean(1)
	if _, err := n.store.Entries(aloneReplica, old.first, old.first+1, 0); !errors.Is(err, storage.ErrOutOfRange) {
		t.Fatalf("the store has not given the entries up: %v", err)
	}
	chunks, err := old.Read(0, FetchLimits{MaxBytes: 1 << 20, MinOne: true, Upto: old.HighWatermark})
	if err != nil || len(chunks) == 0 {
		t.Fatalf("%d chunks, %v", len(chunks), err)
	}
	if b, _, ok := batch.Next(chunks[0]); !ok || b.BaseOffset() != 45 {
		t.Fatalf("the first batch has offset %d", b.BaseOffset())
	}
}

// What retention deletes is out of range from then on; what a cleaning was asked of another leader
// is refused.
func TestTrimmedByPolicy(t *testing.T) {
	n := newAlone(t)
	for i := range 10 {
		n.produce(batch.Record{Timestamp: int64(i), Value: []byte("v")})
	}
	policy := compacted
	policy.Compact, policy.Delete, policy.RetentionMS = false, true, 5
	if got := n.tend(policy, 14); got.Trimmed != -1 || got.Due {
		t.Fatalf("%+v", got)
	}
	if got := n.tend(policy, 15); got.Trimmed != 10 {
		t.Fatalf("%+v", got)
	}
	v := n.ref.View()
	if v.LogStart != 10 || v.HighWatermark != 10 {
		t.Fatalf("[%d, %d)", v.LogStart, v.HighWatermark)
	}
	var refused *protocol.Error
	if _, err := v.Read(9, FetchLimits{MaxBytes: 1, Upto: 10}); !errors.As(err, &refused) || refused.Kafka != kerr.OffsetOutOfRange {
		t.Fatalf("a read below the start: %v", err)
	}
	n.ref.Send(&Keep{Epoch: v.Epoch - 1, Done: func(err *protocol.Error) { refused = err }})
	if refused == nil || refused.Kafka != kerr.NotLeaderForPartition {
		t.Fatalf("an entry of another leadership: %v", refused)
	}
}
