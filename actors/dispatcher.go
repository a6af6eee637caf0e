package actors

import (
	"sync"

	"github.com/asynkron/protoactor-go/actor"
)

// keepWorkers is how many goroutines a dispatcher keeps for the next turns.
const keepWorkers = 64

// dispatcher runs turns on goroutines that it keeps: one that is new for every turn would have to grow its stack for every turn, which took a
// sixth of the time of a node whose partitions get one record at a time.
type dispatcher struct {
	mu     sync.Mutex
	idle   []chan func() // what waiting goroutines get their next turn by, the last to have worked last
	closed bool
}

var _ actor.Dispatcher = (*dispatcher)(nil)

// Schedule implements actor.Dispatcher.
func (d *dispatcher) Schedule(turns func()) {
	d.mu.Lock()
	n := len(d.idle)
	if n == 0 {
		d.mu.Unlock()
		go d.work(turns)
		return
	}
	worker := d.idle[n-1]
	d.idle = d.idle[:n-1]
	d.mu.Unlock()
	worker <- turns // has room: nobody else has it
}

// work is a worker's goroutine.
func (d *dispatcher) work(turns func()) {
	for next := make(chan func(), 1); turns != nil; turns = <-next {
		turns()
		if !d.rest(next) {
			return
		}
	}
}

// rest puts a worker among the idle ones; false if it is not wanted.
func (d *dispatcher) rest(worker chan func()) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || len(d.idle) >= keepWorkers {
		return false
	}
	d.idle = append(d.idle, worker)
	return true
}

// close lets the idle goroutines end. Turns that are scheduled later get new ones.
func (d *dispatcher) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, worker := range d.idle {
		worker <- nil
	}
	d.idle, d.closed = nil, true
}

// Throughput implements actor.Dispatcher: protoactor's own mailboxes yield after so many messages; ours do after every turn.
func (d *dispatcher) Throughput() int { return 300 }
