package server

import (
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// records is the answer of a fetch with so many bytes in it.
func records(n int) kmsg.Response {
	r := kmsg.NewPtrFetchResponse()
	topic, part := kmsg.NewFetchResponseTopic(), kmsg.NewFetchResponseTopicPartition()
	part.RecordBatches = make([]byte, n)
	topic.Partitions = append(topic.Partitions, part)
	r.Topics = append(r.Topics, topic)
	return r
}

// fetched answers a request with as much as there is room for, up to want bytes, and waits for room
// if there is none.
func fetched(want int) func(*Request, *Pending) {
	return func(r *Request, p *Pending) {
		go func() {
			n, later := p.Room(want)
			for ; n == 0; n, later = p.Room(want) {
				select {
				case <-later:
				case <-r.Connection.Closed:
					p.Resolve(nil)
					return
				}
			}
			p.Took(n)
			response := records(n)
			response.SetVersion(r.Body.GetVersion())
			p.Resolve(response)
		}()
	}
}

// Clients that ask and do not read hold no more than the memory for answers. They are given up,
// sooner than at other times, and one that reads gets all its answers meanwhile.
func TestAnswersThatNobodyTakesAreBounded(t *testing.T) {
	const mib = 1 << 20
	s, address, _ := serve(t, Options{AnswerBytes: 16 * mib, ScarceTimeout: 2 * time.Second, StallTimeout: time.Hour}, fetched(4*mib))
	fetch := encode(kmsg.NewPtrFetchRequest(), 11, 1)
	for range 8 {
		deaf := dial(t, address)
		deaf.Conn.(*net.TCPConn).SetReadBuffer(16 << 10)
		for range 16 {
			deaf.send(fetch)
		}
	}
	eventually(t, "most of the memory is taken", s.answers.scarce)
	reads := dial(t, address)
	reads.SetDeadline(time.Now().Add(time.Minute))
	for range 10 {
		reads.send(fetch)
		if _, answer := reads.receive(); len(answer) < leastAnswer {
			t.Fatalf("an answer has %d bytes", len(answer))
		}
		if used := s.answers.used.Load(); used > 16*mib {
			t.Errorf("%d bytes are taken", used)
		}
	}
	for _, c := range s.open() {
		c.close()
	}
	eventually(t, "all is given back", func() bool { return s.answers.used.Load() == 0 })
}

// The answers of one connection are made one after the other, however many requests it sends ahead.
func TestTheAnswersOfAConnectionAreMadeInTurn(t *testing.T) {
	a := &answers{limit: 800 << 20}
	mine := &line{}
	first, second := ration{of: a, line: mine}, ration{of: a, line: mine, number: 1}
	if n, _ := first.ask(1 << 30); n != 100<<20 {
		t.Errorf("a first answer may have %d bytes, want an eighth of the memory: a quarter, and it is there twice", n)
	}
	n, later := second.ask(1 << 20)
	if n != 0 {
		t.Errorf("a second answer of the connection may have %d bytes", n)
	}
	other := ration{of: a, line: &line{}}
	if n, _ := other.ask(1 << 20); n != 1<<20 {
		t.Errorf("an answer of another connection may have %d bytes", n)
	}
	first.turn()
	select {
	case <-later:
	default:
		t.Error("who waits is not told that the answer before is being written")
	}
	if n, _ := second.ask(1 << 20); n != 1<<20 {
		t.Errorf("then it may have %d bytes", n)
	}
}

// However little memory there is, one answer is made at a time.
func TestSomeAnswerAlwaysGoes(t *testing.T) {
	a := &answers{limit: 1}
	one, other := ration{of: a, line: &line{}}, ration{of: a, line: &line{}}
	if n, _ := one.ask(1 << 20); n == 0 {
		t.Error("no answer may be made")
	}
	one.took(1 << 20) // one batch
	n, later := other.ask(1 << 20)
	if n != 0 {
		t.Errorf("another one may have %d bytes", n)
	}
	one.leave()
	select {
	case <-later:
	default:
		t.Error("who waits is not told that memory came back")
	}
	if n, _ := other.ask(1 << 20); n == 0 || a.used.Load() != int64(n)*answerCopies {
		t.Errorf("then it may have %d bytes, %d are taken", n, a.used.Load())
	}
}

// While a client does not take what is being written to it, its requests wait where they are.
func TestNoRequestsAreReadFromAClientThatDoesNotTakeItsAnswer(t *testing.T) {
	calls := make(chan *Pending, 100)
	s, address, _ := serve(t, Options{}, func(_ *Request, p *Pending) { calls <- p })
	c := dial(t, address)
	c.send(encode(kmsg.NewPtrFetchRequest(), 11, 1))
	large := records(24 << 20) // more than any socket holds
	large.SetVersion(11)
	(<-calls).Resolve(large)
	eventually(t, "the answer is being written", func() bool { return s.open()[0].blocked.Load() })
	const more = 10
	for range more {
		c.send(encode(kmsg.NewPtrFetchRequest(), 11, 2))
	}
	<-time.After(100 * time.Millisecond)
	// the reader may have been waiting for one when the other answer was made
	if n := len(calls); n > 1 {
		t.Errorf("%d requests were read", n)
	}
	c.receive()
	for range more {
		small := records(1)
		small.SetVersion(11)
		(<-calls).Resolve(small)
		c.receive()
	}
}
