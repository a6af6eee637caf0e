package server

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// produceOf is a produce request of about n bytes.
func produceOf(n int) []byte {
	r := kmsg.NewPtrProduceRequest()
	topic, partition := kmsg.NewProduceRequestTopic(), kmsg.NewProduceRequestTopicPartition()
	partition.Records = make([]byte, n)
	topic.Partitions = append(topic.Partitions, partition)
	r.Topics = append(r.Topics, topic)
	return encode(r, 9, 1)
}

// flood writes the same request until nothing is taken any more.
func flood(c client, frame []byte) {
	for {
		c.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
		if _, err := c.Write(frame); err != nil {
			return
		}
	}
}

func TestAClientThatFloodsLeavesRoomForOthers(t *testing.T) {
	const mib = 1 << 20
	held := make(chan *Pending, 1000)
	s, address, _ := serve(t, Options{InFlightBytes: 16 * mib, ConnectionBytes: 4 * mib}, func(r *Request, p *Pending) {
		if r.Body.Key() == int16(kmsg.Produce) {
			held <- p // nothing is ever committed
			return
		}
		echo(r, p)
	})
	flood(dial(t, address), produceOf(mib))
	if n := s.budget.inUse(); n > 6*mib {
		t.Errorf("one connection holds %d bytes", n)
	}
	other := dial(t, address)
	other.send(encode(kmsg.NewPtrMetadataRequest(), 12, 2))
	other.receive()
}

func TestRequestsUnderWayAreBoundedForTheNode(t *testing.T) {
	const mib = 1 << 20
	held := make(chan *Pending, 1000)
	s, address, _ := serve(t, Options{InFlightBytes: 4 * mib}, func(_ *Request, p *Pending) { held <- p })
	done := make(chan struct{})
	var clients []client
	for range 8 {
		c := dial(t, address)
		clients = append(clients, c)
		go func() { flood(c, produceOf(mib)); done <- struct{}{} }()
	}
	for range 8 {
		<-done
	}
	if n := s.budget.inUse(); n < 3*mib || n > 6*mib {
		t.Errorf("%d bytes are under way, the bound is 4 MiB and one request", n)
	}
	for _, c := range clients {
		c.Close() // with half a request on the way
	}
	go func() {
		for p := range held {
			p.Resolve(nil)
		}
	}()
	eventually(t, "all is given back", func() bool { return s.budget.inUse() == 0 })
}

func TestLargeRequestsTogetherDoNotLockEachOther(t *testing.T) {
	const mib = 1 << 20
	_, address, _ := serve(t, Options{InFlightBytes: 2 * mib}, echo)
	frame := produceOf(3 * mib)
	done := make(chan struct{})
	for range 6 {
		c := dial(t, address)
		go func() {
			defer func() { done <- struct{}{} }()
			if _, err := c.Write(frame); err != nil {
				t.Error(err)
				return
			}
			if _, err := io.ReadFull(c, make([]byte, 8)); err != nil {
				t.Error(err)
			}
		}()
	}
	for range 6 {
		<-done
	}
}

func TestAClaimedLengthTakesNothing(t *testing.T) {
	s, address, _ := serve(t, Options{InFlightBytes: 1 << 20}, echo)
	for range 20 {
		dial(t, address).send([]byte{0x05, 0, 0, 0, 0, 0})
	}
	eventually(t, "all are connected", func() bool { return s.Connections() == 20 })
	c := dial(t, address)
	c.send(encode(kmsg.NewPtrMetadataRequest(), 12, 2))
	c.receive()
}

func TestAClientThatStallsIsClosed(t *testing.T) {
	s, address, logged := serve(t, Options{StallTimeout: 50 * time.Millisecond}, echo)
	c := dial(t, address)
	c.send(produceOf(1 << 20)[:1000])
	peer := "client=" + c.LocalAddr().String() + " "
	eventually(t, "a request that does not go on ends its connection, and a line names the peer", func() bool {
		return strings.Contains(logged.String(), peer) && s.Connections() == 0 && s.budget.inUse() == 0
	})
}

func TestAClientThatReadsNothingIsClosed(t *testing.T) {
	s, address, _ := serve(t, Options{StallTimeout: 50 * time.Millisecond}, func(_ *Request, p *Pending) {
		answer, topic, partition := kmsg.NewPtrFetchResponse(), kmsg.NewFetchResponseTopic(), kmsg.NewFetchResponseTopicPartition()
		answer.Version = 11
		partition.RecordBatches = make([]byte, 64<<20) // more than the sockets take
		topic.Partitions = append(topic.Partitions, partition)
		answer.Topics = append(answer.Topics, topic)
		p.Resolve(answer)
	})
	dial(t, address).send(encode(kmsg.NewPtrFetchRequest(), 11, 1))
	eventually(t, "the request is there", func() bool { return s.last.Load() == 1 })
	eventually(t, "the connection is closed", func() bool { return s.Connections() == 0 && s.budget.inUse() == 0 })
}

func TestWhatADeadConnectionHoldsStaysUnderWayUntilItIsResolved(t *testing.T) {
	held := make(chan *Pending, 1)
	s, address, _ := serve(t, Options{}, func(_ *Request, p *Pending) { held <- p })
	c := dial(t, address)
	c.send(produceOf(1 << 20))
	p := <-held
	c.Close()
	eventually(t, "the connection is forgotten", func() bool { return s.Connections() == 0 })
	if n := s.budget.inUse(); n < 1<<20 {
		t.Errorf("%d bytes are under way while the request is", n)
	}
	p.Resolve(nil)
	eventually(t, "its bytes are given back", func() bool { return s.budget.inUse() == 0 })
}

func TestTwoAnswersPanic(t *testing.T) {
	p := NewPending()
	p.Resolve(nil)
	defer func() {
		if recover() == nil {
			t.Error("a second answer was taken")
		}
	}()
	p.Resolve(nil)
}
