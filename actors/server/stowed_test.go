package server

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// behind sends a fetch that is not answered until release, and so many requests after it, and
// returns how many of those are under way once no more are taken.
func behind(t *testing.T, n int, frame []byte, answer func(*Request, *Pending)) (handled int64) {
	var count atomic.Int64
	held := make(chan *Pending, 1)
	s, address, _ := serve(t, Options{}, func(r *Request, p *Pending) {
		if _, ok := r.Body.(*kmsg.FetchRequest); ok {
			held <- p
			return
		}
		count.Add(1)
		answer(r, p)
	})
	c := dial(t, address)
	c.send(encode(kmsg.NewPtrFetchRequest(), 11, 1))
	first := <-held
	for range n {
		c.send(frame)
	}
	for before := int64(-1); before != count.Load(); { // until nothing happens for a while
		before = count.Load()
		select {
		case <-time.After(200 * time.Millisecond):
		case <-t.Context().Done():
		}
	}
	handled = count.Load()
	first.Resolve(kmsg.NewPtrFetchResponse())
	for range n + 1 {
		c.receive()
	}
	c.Close()
	eventually(t, "all is given back", func() bool { return s.budget.inUse() == 0 && s.options.Ledger.Read().Open() == "" })
	return handled
}

// large is a metadata answer of about so many bytes.
func large(bytes int) kmsg.Response {
	r := kmsg.NewPtrMetadataResponse()
	r.Version = 9
	for range bytes / 1000 {
		name, topic := strings.Repeat("x", 1000), kmsg.NewMetadataResponseTopic()
		topic.Topic = &name
		r.Topics = append(r.Topics, topic)
	}
	return r
}

func TestLargeAnswersDoNotPileUpBehindASlowOne(t *testing.T) {
	metadata := encode(kmsg.NewPtrDescribeConfigsRequest(), 1, 2)
	n := behind(t, 60, metadata, func(_ *Request, p *Pending) { p.Resolve(large(300_000)) })
	if n > 10 {
		t.Errorf("%d answers of 300 KB are made that cannot leave", n)
	}
	groups := encode(kmsg.NewPtrOffsetFetchRequest(), 6, 2)
	n = behind(t, 60, groups, func(_ *Request, p *Pending) {
		time.AfterFunc(300*time.Millisecond, func() { p.Resolve(large(300_000)) })
	})
	if n > 10 {
		t.Errorf("%d answers of 300 KB are on their way that cannot leave", n)
	}
}

func TestSmallAnswersMayWaitTogether(t *testing.T) {
	if n := behind(t, 100, encode(kmsg.NewPtrHeartbeatRequest(), 3, 2), echo); n != 100 {
		t.Errorf("%d of 100 small requests are taken while a fetch waits", n)
	}
}
