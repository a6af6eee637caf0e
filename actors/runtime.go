package actors

import (
	"context"
	"sync/atomic"
	"time"
)

// Runtime is what code runs on that waits, for time or for news: goroutines and timers in a
// process, steps of a virtual clock in the simulator. Everything of a node that waits does it by
// its Runtime, so that the simulator runs the same code.
type Runtime interface {
	Now() time.Time
	// Go runs f besides the caller. f may Wait.
	Go(f func())
	// After calls f once d has passed, unless it is stopped before. f must not Wait.
	After(d time.Duration, f func()) Timer
	// Wait waits until one of the channels is closed or brings something, which it takes, and returns
	// which; -1 if none did within d, which may be Forever. A nil channel never does. At most three.
	Wait(d time.Duration, news ...<-chan struct{}) int
	// Timeout is context.WithTimeout by this clock.
	Timeout(parent context.Context, d time.Duration) (context.Context, context.CancelFunc)
}

// Timer is what After returns.
type Timer interface {
	// Stop keeps the function from being called; false if it was too late for that.
	Stop() bool
}

// Forever is a Wait without an end.
const Forever time.Duration = -1

// Goroutines is the Runtime of a process.
type Goroutines struct{}

var _ Runtime = Goroutines{}

// Now implements Runtime.
func (Goroutines) Now() time.Time { return time.Now() }

// Go implements Runtime.
func (Goroutines) Go(f func()) { go f() }

// After implements Runtime.
func (Goroutines) After(d time.Duration, f func()) Timer { return time.AfterFunc(d, f) }

// Wait implements Runtime.
func (Goroutines) Wait(d time.Duration, news ...<-chan struct{}) int {
	var all [3]<-chan struct{}
	if copy(all[:], news) < len(news) {
		panic("actors: a wait for more than three channels")
	}
	var end <-chan time.Time
	if d >= 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		end = t.C
	}
	select {
	case <-all[0]:
		return 0
	case <-all[1]:
		return 1
	case <-all[2]:
		return 2
	case <-end:
		return -1
	}
}

// Timeout implements Runtime.
func (Goroutines) Timeout(parent context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(parent, d)
}

// Every calls f every d, counted from origin, until stop is closed. A call that is late is one
// call, however late. What has the same origin falls due together where the periods allow, and the
// process is woken once for all of it: to wake a process that sleeps costs more than most of what
// it then does.
func Every(r Runtime, origin time.Time, d time.Duration, stop <-chan struct{}, f func(now time.Time)) {
	for r.Wait(UntilDue(r.Now(), origin, d), stop) < 0 {
		f(r.Now())
	}
}

// UntilDue is how long it is from now until the next moment of those that lie d apart from origin
// on.
func UntilDue(now, origin time.Time, d time.Duration) time.Duration {
	d = max(d, time.Millisecond) // a setting may say 0
	return d - now.Sub(origin)%d
}

// Together runs functions besides each other and waits until all have ended.
func Together(r Runtime, all ...func()) {
	each := make([]func(done func()), len(all))
	for i, f := range all {
		each[i] = func(done func()) { r.Go(func() { defer done(); f() }) }
	}
	AwaitAll(r, each...)
}

// AwaitAll starts things that each call done once, and waits until all have.
func AwaitAll(r Runtime, start ...func(done func())) {
	if len(start) == 0 {
		return
	}
	var left atomic.Int64
	left.Store(int64(len(start)))
	over := make(chan struct{})
	for _, f := range start {
		f(func() {
			if left.Add(-1) == 0 {
				close(over)
			}
		})
	}
	r.Wait(Forever, over)
}

// Turn lets one go on at a time. Whoever takes it may wait while having it, as nobody may with a
// lock: those who want it meanwhile wait by their Runtime, in the order in which they came.
type Turn chan struct{}

// NewTurn returns a Turn that nobody has.
func NewTurn() Turn {
	t := make(Turn, 1)
	t <- struct{}{}
	return t
}

// Enter waits for the turn and takes it.
func (t Turn) Enter(r Runtime) { r.Wait(Forever, t) }

// Leave gives it back.
func (t Turn) Leave() { t <- struct{}{} }
