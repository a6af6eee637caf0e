package actors

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// collector counts what it gets and checks the order of each sender.
type collector struct {
	t       *testing.T
	last    map[int]int
	count   atomic.Int64
	turns   atomic.Int64
	running atomic.Bool
	stopped bool
}

type numbered struct{ sender, n int }

func (c *collector) Turn(messages []any) {
	if c.running.Swap(true) {
		c.t.Error("two turns at once")
	}
	defer c.running.Store(false)
	c.turns.Add(1)
	for _, m := range messages {
		v := m.(numbered)
		if c.last[v.sender] != v.n-1 {
			c.t.Errorf("sender %d: %d after %d", v.sender, v.n, c.last[v.sender])
		}
		c.last[v.sender] = v.n
	}
	c.count.Add(int64(len(messages)))
}

func (c *collector) Stopped() { c.stopped = true }

func stop(a Address) {
	done := make(chan struct{})
	a.Stop(func() { close(done) })
	<-done
}

func TestEveryMessageArrivesOnceAndInOrder(t *testing.T) {
	s := NewSystem(Options{Fatal: func(_ string, cause any, _ []byte) { t.Error(cause) }})
	defer s.Shutdown()
	c := &collector{t: t, last: map[int]int{}}
	a, err := s.Spawn("collector", c)
	if err != nil {
		t.Fatal(err)
	}
	const senders, each = 8, 5000
	var all sync.WaitGroup
	for sender := range senders {
		all.Go(func() {
			for n := range each {
				a.Send(numbered{sender, n + 1})
			}
		})
	}
	all.Wait()
	stop(a)
	if got := c.count.Load(); got != senders*each {
		t.Fatalf("%d messages arrived, %d were sent before the stop", got, senders*each)
	}
	if !c.stopped {
		t.Fatal("Stopped was not called")
	}
	t.Logf("%d messages in %d turns", c.count.Load(), c.turns.Load())
}

func TestANameCanBeUsedAgainAfterStop(t *testing.T) {
	s := NewSystem(Options{Fatal: func(_ string, cause any, _ []byte) { t.Error(cause) }})
	defer s.Shutdown()
	for range 20 {
		c := &collector{t: t, last: map[int]int{}}
		a, err := s.Spawn("again", c)
		if err != nil {
			t.Fatal(err)
		}
		a.Send(numbered{1, 1})
		stop(a)
		if c.count.Load() != 1 {
			t.Fatal("the message was lost")
		}
	}
}

type bomb struct{}

func (bomb) Turn([]any) { panic("boom") }
func (bomb) Stopped()   {}

func TestAPanicEndsTheProcess(t *testing.T) {
	caught := make(chan any, 1)
	s := NewSystem(Options{Fatal: func(name string, cause any, _ []byte) { caught <- name + ": " + cause.(string) }})
	defer s.Shutdown()
	a, err := s.Spawn("bomb", bomb{})
	if err != nil {
		t.Fatal(err)
	}
	a.Send(1)
	if got := <-caught; got != "bomb: boom" {
		t.Fatalf("fatal was told %v", got)
	}
}

func BenchmarkSend(b *testing.B) {
	s := NewSystem(Options{Fatal: func(string, any, []byte) {}})
	defer s.Shutdown()
	n := &sink{}
	a, _ := s.Spawn("sink", n)
	var m any = &struct{}{}
	b.ReportAllocs()
	for b.Loop() {
		a.Send(m)
	}
	stop(a)
}

type sink struct{ n int }

func (s *sink) Turn(m []any) { s.n += len(m) }
func (s *sink) Stopped()     {}

// fragile panics at once, and notes what is done with it afterwards.
type fragile struct{ called atomic.Int64 }

func (f *fragile) Turn([]any) {
	f.called.Add(1)
	panic("boom")
}

func (f *fragile) Stopped() { f.called.Add(1) }

// Where the process outlives a panic, its actor is called no more, what it is asked is told so, and
// it can be stopped.
func TestAnActorThatPanickedIsLeftAlone(t *testing.T) {
	told := make(chan any, 1)
	s := NewSystem(Options{Fatal: func(_ string, cause any, _ []byte) { told <- cause }})
	defer s.Shutdown()
	f := &fragile{}
	a, err := s.Spawn("fragile", f)
	if err != nil {
		t.Fatal(err)
	}
	var answers atomic.Int64
	a.Send(&question{new(atomic.Int64)})
	<-told
	a.Send(&question{&answers})
	stop(a)
	within(t, "word that no answer comes", func() bool { return answers.Load() == 1 })
	if n := f.called.Load(); n != 1 {
		t.Errorf("it was called %d times", n)
	}
}

// clumsy panics while it is stopped.
type clumsy struct{}

func (clumsy) Turn([]any) {}
func (clumsy) Stopped()   { panic("boom") }

// Whoever stops an actor hears of its end also if it panics over that, and so does whoever asks it.
func TestAnActorThatPanicsOverItsEndHasEnded(t *testing.T) {
	told := make(chan any, 1)
	s := NewSystem(Options{Fatal: func(_ string, cause any, _ []byte) { told <- cause }})
	defer s.Shutdown()
	a, err := s.Spawn("clumsy", clumsy{})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	a.Stop(func() { close(ended) })
	if got := <-told; got != "boom" {
		t.Errorf("fatal was told %v", got)
	}
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Fatal("nobody hears that it has ended")
	}
	var answers atomic.Int64
	a.Send(&question{&answers})
	within(t, "word that no answer comes", func() bool { return answers.Load() == 1 })
}
