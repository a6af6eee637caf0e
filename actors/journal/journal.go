package journal

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/troupe-mq/troupe/actors/stages"
	"github.com/troupe-mq/troupe/storage"
)

// Write is what one replica wants durable, and what to do then. One whose Append names no replica
// is a barrier: it writes nothing, and its Done tells that all that was given before is durable.
type Write struct {
	Append storage.Append
	// Done is called once the append is durable, on the journal's goroutine and in the order the
	// writes were given (per replica and overall). It must not block: it sends a message to the
	// replica actor. May be nil.
	Done func()
	// Refused is called instead if the store refuses the append and nothing of it took place, on the
	// journal's goroutine; it must not block. The journal then takes no other append of the replica
	// but one that removes or distrusts it. Without it a refusal is a failure of the store.
	Refused func(error)
	// Times is set before Done is called, for a write whose way is traced; nil for others.
	Times *Timing

	given stages.Moment // to the journal
}

// Times says when a write's transaction began and when it was durable.
type Times struct{ Begin, Durable stages.Moment }

// Timing is where a journal says how a write went. Any goroutine may look at any time: whoever gave
// the write looks when any of its writes is done, while the journal may be setting this one.
type Timing struct{ at atomic.Pointer[Times] }

// Set is called once, by the journal.
func (t *Timing) Set(at Times) { t.at.Store(&at) }

// Get returns the times; false as long as the write is not durable.
func (t *Timing) Get() (Times, bool) {
	if at := t.at.Load(); at != nil {
		return *at, true
	}
	return Times{}, false
}

func (w Write) barrier() bool { return w.Append.State.Replica == 0 }

// Group is one transaction of the journal, for those who measure.
type Group struct {
	Writes   int
	Bytes    int64         // of entry data
	Duration time.Duration // of the transaction, its sync included
}

// Options are how a journal behaves. Zero fields take the default.
type Options struct {
	// GroupBytes is how many bytes of entry data are merged into one transaction, 4 MiB by default. A
	// single write may be larger.
	GroupBytes int64
	// Idle is how long nothing must have been written before the store may tidy, 100 ms by default.
	// Tidying goes in steps of about one sync, and a write waits for the step under way.
	Idle time.Duration
	// Fatal is called when the store failed: nothing may be acknowledged any more. Where it returns,
	// the journal takes nothing any more and calls no Done. By default it logs.
	Fatal func(error)
	// Observe is called after every group, on the journal's goroutine; it must not block.
	Observe func(Group)
	// Stages is where the time of writes is counted; may be nil.
	Stages *stages.Clock
	// Slow is how long a transaction may take before Stalled is called: on a goroutine of its own
	// while the transaction is under way, and again on the journal's when it has ended. 0 is never.
	Slow    time.Duration
	Stalled func(Stall)
}

func (o *Options) setDefaults() {
	if o.GroupBytes == 0 {
		o.GroupBytes = 4 << 20
	}
	if o.Idle == 0 {
		o.Idle = 100 * time.Millisecond
	}
	if o.Fatal == nil {
		o.Fatal = complain
	}
}

func complain(err error) {
	slog.Error("the journal could not write: nothing is acknowledged any more", "error", err)
}

// Journal is the node's append thread. What queued while a sync was under way is merged into the
// next transaction, so the number of syncs does not grow with the number of shards. It never waits
// for more to come. All methods are safe for any goroutine.
type Journal struct {
	store     storage.Store
	options   Options
	unwritten atomic.Int64 // bytes of entry data

	mu     sync.Mutex
	queue  []Write
	closed bool
	wake   chan struct{} // holds one token while there may be something to do

	began atomic.Int64  // when the transaction under way began, 0 if none is
	done  chan struct{} // closed when the goroutine has ended

	refused map[storage.ReplicaID]error // why nothing more is taken of a replica; of the goroutine
}

// New starts the journal of a store. It ends with Close. From now on only the journal may write to
// the store.
func New(store storage.Store, o Options) *Journal {
	o.setDefaults()
	j := &Journal{store: store, options: o, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go j.run()
	return j
}

// Write queues a write. It never blocks: what may queue is bounded where requests are admitted.
// Writes after Close are dropped.
func (j *Journal) Write(w Write) {
	w.given = stages.Now()
	j.mu.Lock()
	if !j.closed {
		j.unwritten.Add(w.Append.DataBytes())
		j.queue = append(j.queue, w)
	}
	j.mu.Unlock()
	j.signal()
}

// Writes queues several writes, one behind the other. The slice is not kept.
func (j *Journal) Writes(all []Write) {
	j.mu.Lock()
	if !j.closed {
		now := stages.Now()
		for _, w := range all {
			w.given = now
			j.unwritten.Add(w.Append.DataBytes())
			j.queue = append(j.queue, w)
		}
	}
	j.mu.Unlock()
	j.signal()
}

func (j *Journal) signal() {
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// Queued is how many writes wait for a transaction, and the bytes of entry data in them.
func (j *Journal) Queued() (writes int, bytes int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.queue), dataBytes(j.queue)
}

// Busy is how long the transaction under way takes already, 0 if none is.
func (j *Journal) Busy() time.Duration {
	if began := stages.Moment(j.began.Load()); began != 0 {
		return time.Duration(began.To(stages.Now()))
	}
	return 0
}

// Close writes what is queued and ends the journal. The store stays open. It must not be called by
// a Done.
func (j *Journal) Close() {
	j.mu.Lock()
	j.closed = true
	j.mu.Unlock()
	j.signal()
	<-j.done
}
