package server

import (
	"encoding/binary"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// half begins a produce request of so many bytes and sends a part of it.
func half(c client, size, sent int) {
	frame := binary.BigEndian.AppendUint32(nil, uint32(size))
	c.send(append(frame, make([]byte, sent)...))
}

// trickle sends a byte now and then until the connection is closed.
func trickle(t *testing.T, c client) (closed chan struct{}) {
	closed = make(chan struct{})
	go func() {
		defer close(closed)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
			case <-t.Context().Done():
				return
			}
			if _, err := c.Write([]byte{0}); err != nil {
				return
			}
		}
	}()
	return closed
}

func TestWhoSendsSlowlyKeepsNobodyWaiting(t *testing.T) {
	const mib = 1 << 20
	s, address, logged := serve(t, Options{InFlightBytes: 4 * mib, HurryTimeout: 50 * time.Millisecond}, echo)
	slow := dial(t, address)
	half(slow, 64*mib, 3*mib)
	closed := trickle(t, slow)
	eventually(t, "what it sent is there", func() bool { return s.budget.inUse() > 3*mib })
	small := dial(t, address)
	small.send(encode(kmsg.NewPtrMetadataRequest(), 12, 1)) // has the reserve
	small.receive()
	large := dial(t, address)
	large.send(produceOf(3 * mib))
	large.receive()
	select {
	case <-closed:
	case <-time.After(20 * time.Second):
		t.Fatal("it is still connected though others waited")
	}
	eventually(t, "all is given back, and the operator is told", func() bool {
		return s.budget.inUse() == 0 && strings.Contains(logged.String(), "arrived too slowly")
	})
}

func TestASlowClientIsServedWhileNobodyWaits(t *testing.T) {
	s, address, _ := serve(t, Options{InFlightBytes: 4 << 20, HurryTimeout: time.Millisecond}, echo)
	c, frame := dial(t, address), produceOf(1<<20)
	c.send(frame[:1<<19])
	eventually(t, "the first half is there", func() bool { return s.budget.inUse() > 0 })
	other := dial(t, address)
	for i := range int32(100) {
		other.send(encode(kmsg.NewPtrMetadataRequest(), 12, i))
		other.receive()
	}
	c.send(frame[1<<19:])
	c.receive()
}

// TestClosingTheSlow looks at the rule alone: who brings enough, and who waits for the budget
// itself, is left alone.
func TestClosingTheSlow(t *testing.T) {
	b := &budget{limit: 1 << 20, hurry: time.Second}
	closed := map[string]bool{}
	var mu sync.Mutex
	arrives := func(name string) *claim {
		c := &claim{budget: b, slow: func() { mu.Lock(); defer mu.Unlock(); closed[name] = true }}
		b.begin(c)
		c.try(1 << 10)
		return c
	}
	slow, quick, waits := arrives("slow"), arrives("quick"), arrives("waits")
	waits.waits, waits.waited = true, true
	now := time.Unix(1000, 0)
	for range 3 {
		b.closeSlow(now)
		slow.arrived.Add(100)
		quick.arrived.Add(leastRate)
		now = now.Add(time.Second)
	}
	if !closed["slow"] || closed["quick"] || closed["waits"] {
		t.Errorf("closed were %v", closed)
	}
	late := arrives("late")
	b.closeSlow(now)
	if closed["late"] {
		t.Error("one that has just begun was closed")
	}
	late.giveBack()
	if len(b.arriving) != 2 {
		t.Errorf("%d requests arrive, two do", len(b.arriving))
	}
}

// TestWhoWaitedIsNotSlow: what a request waited for is here, and somebody else, who still waits,
// looks at once for those that are slow.
func TestWhoWaitedIsNotSlow(t *testing.T) {
	b := &budget{limit: 10, hurry: time.Second}
	closed := false
	holds, over := &claim{budget: b}, &claim{budget: b}
	waited := &claim{budget: b, slow: func() { closed = true }}
	b.begin(waited)
	now := time.Unix(1000, 0)
	b.closeSlow(now)
	for _, c := range []*claim{holds, over, waited} {
		if c.try(1) != nil {
			t.Fatal("there is no room")
		}
	}
	if over.try(20) != nil || waited.try(1) == nil {
		t.Fatal("it does not wait")
	}
	for range 2 {
		now = now.Add(time.Second)
		b.closeSlow(now)
	}
	over.giveBack()
	if waited.try(1) != nil {
		t.Fatal("it still waits")
	}
	now = now.Add(time.Second)
	if b.closeSlow(now); closed {
		t.Error("it is closed before its client could send what there is room for now")
	}
	now = now.Add(time.Second)
	if b.closeSlow(now); !closed {
		t.Error("it brings nothing while it may, and is left alone")
	}
}

func TestWhatIsGivenUpIsUnderWayUntilItIsDropped(t *testing.T) {
	const mib = 1 << 20
	drops := make(chan func(), 100)
	s, address, _ := serve(t, Options{InFlightBytes: 4 * mib}, func(r *Request, p *Pending) {
		drops <- p.Hold()
		echo(r, p) // the client has its answer, the records are still on their way
	})
	c := dial(t, address)
	for range 3 {
		c.send(produceOf(mib))
		c.receive()
	}
	if n := s.budget.inUse(); n < 3*mib {
		t.Errorf("%d bytes are under way, three requests of 1 MiB are", n)
	}
	go flood(c, produceOf(mib))
	go io.Copy(io.Discard, c)
	var held []func()
	for range 4 {
		held = append(held, <-drops)
	}
	select {
	case <-drops:
		t.Error("a fifth request of 1 MiB is under way, 4 MiB are the most")
	case <-time.After(100 * time.Millisecond):
	}
	c.Close()
	for _, drop := range held {
		drop()
	}
	eventually(t, "all is given back", func() bool {
		for {
			select {
			case drop := <-drops:
				drop()
			default:
				return s.budget.inUse() == 0
			}
		}
	})
}

func TestArraysAreCountedAsWhatTheyTake(t *testing.T) {
	held := make(chan *Pending, 1)
	s, address, _ := serve(t, Options{InFlightBytes: 64 << 20}, func(_ *Request, p *Pending) { held <- p })
	r := kmsg.NewPtrMetadataRequest()
	for range 10_000 {
		r.Topics = append(r.Topics, kmsg.MetadataRequestTopic{Topic: kmsg.StringPtr("")})
	}
	frame := encode(r, 8, 1)
	c := dial(t, address)
	c.send(frame)
	p := <-held
	if n := s.budget.inUse(); n < 10*int64(len(frame)) {
		t.Errorf("a request of %d bytes, with arrays of many times as many, is counted as %d", len(frame), n)
	}
	p.Resolve(nil)
	eventually(t, "all is given back", func() bool { return s.budget.inUse() == 0 })
	r.Topics = make([]kmsg.MetadataRequestTopic, 2_000_000)
	for i := range r.Topics {
		r.Topics[i].Topic = kmsg.StringPtr("")
	}
	big := dial(t, address)
	go big.Write(encode(r, 8, 1))
	big.ends()
	eventually(t, "nothing is left of a request that was refused", func() bool { return s.budget.inUse() == 0 && s.Connections() == 1 })
}

func TestStrangersAreCalledByTheirNames(t *testing.T) {
	s, address, logged := serve(t, Options{}, echo)
	for first, says := range map[string]string{
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03": "TLS handshake",
		"GET /metrics HTTP/1.1\r\n\r\n":                "sends HTTP",
		"SSH-2.0-OpenSSH_9.6\r\n":                      "speaks SSH",
	} {
		c := dial(t, address)
		c.send([]byte(first))
		c.ends()
		eventually(t, "a line says "+says, func() bool { return strings.Contains(logged.String(), says) })
	}
	for range 50 {
		c := dial(t, address)
		c.send([]byte("GET / HTTP/1.0\r\n\r\n"))
		c.ends()
	}
	eventually(t, "all are forgotten", func() bool { return s.Connections() == 0 })
	if n := strings.Count(logged.String(), "\n"); n > 2*strangersPerMinute {
		t.Errorf("53 of them made %d lines", n)
	}
}
