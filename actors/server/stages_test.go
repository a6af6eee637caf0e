package server

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/stages"
)

func TestStagesOfProduceRequests(t *testing.T) {
	var clock stages.Clock
	later := make(chan *Pending, 1)
	_, address, _ := serve(t, Options{Stages: &clock}, func(r *Request, p *Pending) {
		switch r.Body.(type) {
		case *kmsg.ProduceRequest:
			if r.Body.(*kmsg.ProduceRequest).Acks == 0 {
				p.Resolve(nil)
				return
			}
			later <- p
		default:
			echo(r, p)
		}
	})
	c := dial(t, address)
	c.send(encode(kmsg.NewPtrMetadataRequest(), 12, 1))
	c.receive()
	c.send(encode(kmsg.NewPtrProduceRequest(), 9, 2)) // acks=0 has no answer
	all := kmsg.NewPtrProduceRequest()
	all.Acks = -1
	c.send(encode(all, 9, 3))
	p := <-later
	answer := kmsg.NewPtrProduceResponse()
	answer.Version = 9
	p.Resolve(answer)
	c.receive()
	eventually(t, "the answer is measured", func() bool { return clock.Request.Read().Count == 1 })
	r := clock.Read()
	if r["check"].Count != 2 || r["answer"].Count != 1 || r["answer"].Sum > r["request"].Sum {
		t.Fatalf("two produce requests, one answered: %+v", r)
	}
}
