package actors

import (
	"errors"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// moody panics over an error and notes everything else.
type moody struct {
	mu      sync.Mutex
	got     []any
	stopped int
}

func (m *moody) Turn(messages []any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, v := range messages {
		if err, ok := v.(error); ok {
			panic(err)
		}
		m.got = append(m.got, v)
	}
}

func (m *moody) Stopped() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stopped++
}

// What an actor promised before its panic is gone with its state: whatever Fatal does, it never
// turns again.
func TestAnActorThatPanickedNeverTurnsAgain(t *testing.T) {
	fatal := make(chan any, 10)
	s := NewSystem(Options{Fatal: func(_ string, cause any, _ []byte) { fatal <- cause }})
	defer s.Shutdown()
	m := &moody{}
	a, err := s.Spawn("moody", m)
	if err != nil {
		t.Fatal(err)
	}
	a.Send(1)
	a.Send(errors.New("boom"))
	<-fatal
	a.Send(2)
	stop(a)
	for _, v := range m.got {
		if v == 2 {
			t.Fatal("it went on after its panic")
		}
	}
	if len(fatal) != 0 {
		t.Fatalf("a second panic: %v", <-fatal)
	}
}

func TestStopTwiceAndSendAfterwards(t *testing.T) {
	s := NewSystem(Options{Fatal: func(_ string, cause any, _ []byte) { t.Error(cause) }})
	defer s.Shutdown()
	m := &moody{}
	a, err := s.Spawn("twice", m)
	if err != nil {
		t.Fatal(err)
	}
	a.Send(1)
	stop(a)
	stop(a)
	a.Send(2)
	if len(m.got) != 1 || m.stopped != 1 {
		t.Fatalf("got %v, stopped %d times", m.got, m.stopped)
	}
}

// pinger sends each message back to where it came from: every turn begins with a mailbox that was
// idle.
type pinger struct{ back chan any }

func (p *pinger) Turn(messages []any) {
	for _, m := range messages {
		p.back <- m
	}
}
func (*pinger) Stopped() {}

func TestNoWakeUpIsLost(t *testing.T) {
	s := NewSystem(Options{Fatal: func(_ string, cause any, _ []byte) { t.Error(cause) }})
	defer s.Shutdown()
	p := &pinger{make(chan any)}
	a, err := s.Spawn("pinger", p)
	if err != nil {
		t.Fatal(err)
	}
	limit := time.After(30 * time.Second)
	for n := range 20_000 {
		a.Send(n)
		select {
		case got := <-p.back:
			if got != n {
				t.Fatalf("got %v, want %d", got, n)
			}
		case <-limit:
			t.Fatalf("message %d woke nobody", n)
		}
	}
	stop(a)
}

func TestAnIdleActorIsSmall(t *testing.T) {
	s := NewSystem(Options{Fatal: func(_ string, cause any, _ []byte) { t.Error(cause) }})
	defer s.Shutdown()
	const actors = 8000 // enough to fill the registry's shards
	keep := make([]Address, 0, actors)
	routines := runtime.NumGoroutine()
	before := inUse()
	for n := range actors {
		a, err := s.Spawn("idle-"+strconv.Itoa(n), &sink{})
		if err != nil {
			t.Fatal(err)
		}
		a.Send(n)
		keep = append(keep, a)
	}
	waitUntil(t, "all are idle", func() bool { return runtime.NumGoroutine() <= routines+s.turns.most })
	each := (inUse() - before) / actors
	t.Logf("%d bytes an idle actor", each)
	if each > 1536 {
		t.Errorf("an idle actor takes %d bytes", each)
	}
	runtime.KeepAlive(keep)
}

// idler is an invoker that does nothing.
type idler struct{ actor.MessageInvoker }

func (idler) InvokeUserMessage(any)   {}
func (idler) InvokeSystemMessage(any) {}

func TestABurstLeavesNoLargeQueue(t *testing.T) {
	m := &mailbox{}
	m.RegisterHandlers(idler{}, actor.NewSynchronizedDispatcher(1))
	m.scheduled.Store(true) // nobody turns yet
	for n := range 100_000 {
		m.PostUserMessage(n)
	}
	m.run()
	if cap(m.user) > keepQueue || cap(m.spare) > keepQueue {
		t.Fatalf("queues of %d and %d messages stay", cap(m.user), cap(m.spare))
	}
	if m.UserMessageCount() != 0 {
		t.Fatal("messages are left")
	}
}

func inUse() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func waitUntil(t *testing.T, what string, holds func() bool) {
	t.Helper()
	limit := time.After(10 * time.Second)
	for !holds() {
		select {
		case <-limit:
			t.Fatal("not within 10 s: " + what)
		case <-time.After(time.Millisecond):
		}
	}
}
