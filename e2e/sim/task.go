package sim

import (
	"context"
	"iter"
	"time"

	"github.com/troupe-mq/troupe/actors"
)

// task is one of the goroutines of a process: a coroutine that runs until it waits, and goes on
// when what it waits for has come. Only one runs at a time, and which one is decided by the world.
type task struct {
	process *process
	resume  func() (struct{}, bool)
	kill    func()
	yield   func(struct{}) bool

	waits  uint64 // how often it has waited
	news   [3]<-chan struct{}
	got    int
	ended  bool
	parked bool
}

// killed unwinds a task whose process died.
type killed struct{}

// runtime is the actors.Runtime of a process.
type runtime struct{ p *process }

var _ actors.Runtime = runtime{}

// Now implements actors.Runtime: the machine's clock may be wrong, and be set. What the machine
// measures by it does not mind.
func (r runtime) Now() time.Time {
	now := r.p.world.now
	if r.p.machine == nil {
		return now.time()
	}
	return reading(now.time().Add(r.p.machine.skew), time.Duration(now))
}

// Go implements actors.Runtime.
func (r runtime) Go(f func()) {
	t := &task{process: r.p}
	t.resume, t.kill = iter.Pull(func(yield func(struct{}) bool) {
		t.yield = yield
		defer func() {
			if cause := recover(); cause != nil && cause != (killed{}) {
				panic(cause)
			}
		}()
		f()
	})
	r.p.tasks = append(r.p.tasks, t)
	r.p.ready = append(r.p.ready, t)
}

// After implements actors.Runtime.
func (r runtime) After(d time.Duration, f func()) actors.Timer {
	t := &timer{}
	r.p.world.agenda.add(event{at: r.p.world.now.plus(d), on: r.p, do: f, stop: t})
	return t
}

// Timeout implements actors.Runtime.
func (r runtime) Timeout(parent context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(parent)
	end := r.After(d, cancel)
	return ctx, func() { end.Stop(); cancel() }
}

// Wait implements actors.Runtime.
func (r runtime) Wait(d time.Duration, news ...<-chan struct{}) int {
	t := r.p.running
	if t == nil {
		panic("sim: only what Go runs may wait")
	}
	t.news = [3]<-chan struct{}{}
	copy(t.news[:], news)
	if t.poll() || d == 0 {
		return t.take()
	}
	t.waits++
	if d > 0 {
		round := t.waits
		r.p.after(d, func() {
			if t.parked && t.waits == round {
				t.got = -1
				r.p.wake(t)
			}
		})
	}
	t.parked = true
	if !t.yield(struct{}{}) {
		panic(killed{})
	}
	return t.take()
}

// poll looks whether something came, in order.
func (t *task) poll() bool {
	t.got = -1
	for i, c := range t.news {
		if c == nil {
			continue
		}
		select {
		case <-c:
			t.got = i
			return true
		default:
		}
	}
	return false
}

func (t *task) take() int {
	got := t.got
	t.news = [3]<-chan struct{}{}
	return got
}

// run lets the task go on until it waits again or ends.
func (t *task) run() {
	t.parked = false
	before := t.process.running
	t.process.running = t
	_, more := t.resume()
	t.process.running = before
	t.ended = !more
}
