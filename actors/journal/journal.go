package journal

import (
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/troupe-mq/troupe/storage"
)

// Write is what one replica wants durable, and what to do then.
type Write struct {
	Append storage.Append
	// Done is called once the append is durable, on the journal's goroutine and in the order the writes were given
	// (per replica and overall). It must not block: it sends a message to the replica actor. May be nil.
	Done func()
}

// Group is one transaction of the journal, for those who measure.
type Group struct {
	Writes   int
	Bytes    int64         // of entry data
	Duration time.Duration // of the transaction, its sync included
}

// Options are how a journal behaves. Zero fields take the default.
type Options struct {
	// GroupBytes is how many bytes of entry data are merged into one transaction, 4 MiB by default. A single write may be larger.
	GroupBytes int64
	// Fatal is called when the store failed: nothing may be acknowledged any more. It must not return. By default it logs and
	// exits with 1.
	Fatal func(error)
	// Observe is called after every group, on the journal's goroutine; it must not block.
	Observe func(Group)
}

// Journal is the node's append thread. What queued while a sync was under way is merged into the next transaction, so the
// number of syncs does not grow with the number of shards. All methods are safe for any goroutine.
type Journal struct {
	store   storage.Store
	options Options

	mu     sync.Mutex
	queue  []Write
	closed bool
	wake   chan struct{} // holds one token while there may be something to do

	done chan struct{} // closed when the goroutine has ended
}

// New starts the journal of a store. It ends with Close.
func New(store storage.Store, o Options) *Journal {
	if o.GroupBytes == 0 {
		o.GroupBytes = 4 << 20
	}
	if o.Fatal == nil {
		o.Fatal = exit
	}
	j := &Journal{store: store, options: o, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go j.run()
	return j
}

func exit(err error) {
	slog.Error("the journal could not write: the process ends before anything is acknowledged", "error", err)
	os.Exit(1)
}

// Write queues a write. It never blocks: what may queue is bounded where requests are admitted. Writes after Close are dropped.
func (j *Journal) Write(w Write) {
	j.mu.Lock()
	if !j.closed {
		j.queue = append(j.queue, w)
	}
	j.mu.Unlock()
	j.signal()
}

// Writes queues several writes, one behind the other.
func (j *Journal) Writes(all []Write) {
	j.mu.Lock()
	if !j.closed {
		j.queue = append(j.queue, all...)
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

// Close writes what is queued and ends the journal.
func (j *Journal) Close() {
	j.mu.Lock()
	j.closed = true
	j.mu.Unlock()
	j.signal()
	<-j.done
}

func (j *Journal) run() {
	defer close(j.done)
	for range j.wake {
		taken, last := j.take()
		for len(taken) > 0 {
			n := group(taken, j.options.GroupBytes)
			if !j.commit(taken[:n]) {
				return
			}
			taken = taken[n:]
		}
		if last {
			return
		}
	}
}

// take returns the whole queue, and whether it was the last.
func (j *Journal) take() ([]Write, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	taken := j.queue
	j.queue = nil
	return taken, j.closed
}

// commit makes a group durable and reports it; false if the store failed.
func (j *Journal) commit(g []Write) bool {
	begin := time.Now()
	for _, appends := range merge(g) {
		if err := j.store.Write(appends); err != nil {
			j.options.Fatal(err)
			return false
		}
	}
	if j.options.Observe != nil {
		j.options.Observe(Group{len(g), dataBytes(g), time.Since(begin)})
	}
	for _, w := range g {
		if w.Done != nil {
			w.Done()
		}
	}
	return true
}

func dataBytes(g []Write) (n int64) {
	for _, w := range g {
		n += w.Append.DataBytes()
	}
	return n
}
