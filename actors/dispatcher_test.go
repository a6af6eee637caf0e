package actors

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestDispatcherRunsEachOnce schedules from many goroutines at once, also from turns under way.
func TestDispatcherRunsEachOnce(t *testing.T) {
	d := newDispatcher()
	var ran atomic.Int64
	var all sync.WaitGroup
	const senders, each = 8, 500
	for range senders {
		all.Go(func() {
			for range each {
				all.Add(2)
				d.Schedule(func() {
					defer all.Done()
					ran.Add(1)
					d.Schedule(func() { defer all.Done(); ran.Add(1) })
				})
			}
		})
	}
	all.Wait()
	if n := ran.Load(); n != 2*senders*each {
		t.Fatalf("%d turns ran, %d were scheduled", n, 2*senders*each)
	}
}

// TestDispatcherKeepsWorkers: turns one after the other need one goroutine, and none is left after
// close.
func TestDispatcherKeepsWorkers(t *testing.T) {
	d := newDispatcher()
	idle := func() int {
		d.mu.Lock()
		defer d.mu.Unlock()
		return len(d.idle)
	}
	for range 100 {
		done := make(chan struct{})
		d.Schedule(func() { close(done) })
		<-done
		for idle() == 0 { // it rests once the turn is over
		}
	}
	if n := idle(); n != 1 {
		t.Fatalf("%d workers wait after turns that followed one another", n)
	}
	d.close()
	done := make(chan struct{})
	d.Schedule(func() { close(done) })
	<-done
	if n := idle(); n != 0 {
		t.Fatalf("%d workers wait after close", n)
	}
}

// TestDispatcherHasWhatWaits: with every goroutine taken, turns wait in order, and all are run when
// one is free again.
func TestDispatcherHasWhatWaits(t *testing.T) {
	d := newDispatcher()
	var working, over sync.WaitGroup
	free := make(chan struct{})
	for range d.most {
		working.Add(1)
		over.Add(1)
		d.Schedule(func() { defer over.Done(); working.Done(); <-free })
	}
	working.Wait()
	var mu sync.Mutex
	most, now := 0, 0
	const waiting = 5000
	for range waiting {
		over.Add(1)
		d.Schedule(func() {
			defer over.Done()
			mu.Lock()
			now++
			most = max(most, now)
			mu.Unlock()
			runtime.Gosched()
			mu.Lock()
			now--
			mu.Unlock()
		})
	}
	mu.Lock()
	if most != 0 {
		t.Errorf("%d turns ran while every goroutine was taken", most)
	}
	mu.Unlock()
	close(free)
	over.Wait()
	if most > d.most {
		t.Errorf("%d turns ran at once, on %d goroutines", most, d.most)
	}
}

// TestDispatcherForgetsWhatHasRun: the queue of a dispatcher that is never without work does not
// grow with what it has run.
func TestDispatcherForgetsWhatHasRun(t *testing.T) {
	d := newDispatcher()
	d.workers = d.most // all at work
	const waiting = 10
	for range waiting {
		d.Schedule(func() {})
	}
	for range 100_000 {
		if turns, waits := d.next(nil); turns == nil || waits {
			t.Fatal("nothing waits")
		}
		d.Schedule(func() {})
	}
	if n := cap(d.queue); n > 8*waiting {
		t.Errorf("a queue of %d has room for %d", waiting, n)
	}
}

// TestABusyActorLeavesRoom: actors that always have something to do, as many as there are
// goroutines, do not keep the others from their turns.
func TestABusyActorLeavesRoom(t *testing.T) {
	s := NewSystem(Options{Fatal: func(name string, cause any, _ []byte) { panic(cause) }})
	defer s.Shutdown()
	var stop atomic.Bool
	for i := range s.turns.most {
		var self Address
		begun := make(chan struct{})
		self, err := s.Spawn(fmt.Sprint("busy-", i), turning(func([]any) {
			<-begun
			if !stop.Load() {
				self.Send(1)
			}
		}))
		if err != nil {
			t.Fatal(err)
		}
		close(begun)
		self.Send(1)
	}
	seen := make(chan struct{})
	calm, err := s.Spawn("calm", turning(func([]any) { close(seen) }))
	if err != nil {
		t.Fatal(err)
	}
	calm.Send(1)
	select {
	case <-seen:
	case <-time.After(time.Minute):
		t.Error("an actor got no turn among others that always had something to do")
	}
	stop.Store(true)
}

// turning is an actor that only turns.
type turning func([]any)

func (f turning) Turn(messages []any) { f(messages) }

func (f turning) Stopped() {}

// BenchmarkBurst wakes hundreds of actors at once, as a tick does, each for a turn that goes as
// deep as a replica's.
func BenchmarkBurst(b *testing.B) {
	s := NewSystem(Options{})
	defer s.Shutdown()
	var turns sync.WaitGroup
	all := make([]Address, 333)
	for i := range all {
		a, err := s.Spawn(fmt.Sprint("actor-", i), turning(func(messages []any) {
			deep(40)
			turns.Add(-len(messages))
		}))
		if err != nil {
			b.Fatal(err)
		}
		all[i] = a
	}
	b.ReportAllocs()
	for b.Loop() {
		turns.Add(len(all))
		for _, a := range all {
			a.Send(1)
		}
		turns.Wait()
	}
}

// deep needs a stack of some KiB.
func deep(n int) byte {
	var room [64]byte
	if n > 0 {
		room[n%len(room)] = deep(n - 1)
	}
	return room[0]
}
