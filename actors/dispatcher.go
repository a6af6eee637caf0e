package actors

import (
	"runtime"
	"sync"

	"github.com/asynkron/protoactor-go/actor"
)

// dispatcher runs turns on a few goroutines that it keeps: one that is new for every turn would
// have to grow its stack for every turn, which took a sixth of the time of a node whose partitions
// get one record at a time. What comes while all of them work waits in order: a tick, or a frame of
// heartbeats, wakes hundreds of actors at once, and a goroutine for each costs more than most of
// their turns, and has whatever else the process does, the reading of the next frame too, wait
// behind all of them.
//
// So a turn must not wait for another one.
type dispatcher struct {
	mu      sync.Mutex
	most    int // goroutines
	workers int // that there are
	// what waiting goroutines get their next turn by, the last to have worked last
	idle []chan func()
	// turns that wait for a goroutine, from begun on; empty while one is idle or may be started
	queue  []func()
	begun  int
	closed bool
}

var _ actor.Dispatcher = (*dispatcher)(nil)

// newDispatcher makes a dispatcher with several goroutines for each processor: a turn that reads
// from the disk leaves the processor to others.
func newDispatcher() *dispatcher { return &dispatcher{most: max(4*runtime.GOMAXPROCS(0), 16)} }

// Schedule implements actor.Dispatcher.
func (d *dispatcher) Schedule(turns func()) {
	d.mu.Lock()
	n := len(d.idle)
	switch {
	case n > 0:
		worker := d.idle[n-1]
		d.idle = d.idle[:n-1]
		d.mu.Unlock()
		worker <- turns // has room: nobody else has it
	case d.workers < d.most:
		d.workers++
		d.mu.Unlock()
		go d.work(turns)
	default:
		d.wait(turns)
		d.mu.Unlock()
	}
}

// wait puts turns behind those that wait. The caller holds mu.
func (d *dispatcher) wait(turns func()) {
	// where there is always somebody, the place of those that have begun is used again
	if len(d.queue) == cap(d.queue) && d.begun > len(d.queue)/2 {
		left := copy(d.queue, d.queue[d.begun:])
		clear(d.queue[left:])
		d.queue, d.begun = d.queue[:left], 0
	}
	d.queue = append(d.queue, turns)
}

// work is a worker's goroutine.
func (d *dispatcher) work(turns func()) {
	for next := make(chan func(), 1); turns != nil; {
		turns()
		waits := false
		if turns, waits = d.next(next); waits {
			turns = <-next
		}
	}
}

// next returns the turns that have waited longest, or puts the worker among the idle ones; neither
// after close.
func (d *dispatcher) next(worker chan func()) (turns func(), waits bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.begun < len(d.queue):
		turns = d.queue[d.begun]
		d.queue[d.begun] = nil
		if d.begun++; d.begun == len(d.queue) {
			d.queue, d.begun = d.queue[:0], 0
		}
		return turns, false
	case d.closed:
		d.workers--
		return nil, false
	}
	d.idle = append(d.idle, worker)
	return nil, true
}

// close lets the goroutines end that have nothing to do, now or later. Turns that are scheduled
// later get new ones.
func (d *dispatcher) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, worker := range d.idle {
		worker <- nil
	}
	d.workers -= len(d.idle)
	d.idle, d.closed = nil, true
}

// Throughput implements actor.Dispatcher: protoactor's own mailboxes yield after so many messages;
// ours do after every turn.
func (d *dispatcher) Throughput() int { return 300 }
