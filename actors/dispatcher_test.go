package actors

import (
	"sync"
	"sync/atomic"
	"testing"
)

// TestDispatcherRunsEachOnce schedules from many goroutines at once, also from turns under way.
func TestDispatcherRunsEachOnce(t *testing.T) {
	d := &dispatcher{}
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

// TestDispatcherKeepsWorkers: turns one after the other need one goroutine, and none is left after close.
func TestDispatcherKeepsWorkers(t *testing.T) {
	d := &dispatcher{}
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
