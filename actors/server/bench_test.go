package server

import (
	"encoding/binary"
	"io"
	"net"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/spans"
)

// BenchmarkRequest is a request of 12 kB that is answered at once, over loopback: what reading,
// queueing and writing cost, with tracing off and on. None of the requests is sampled.
func BenchmarkRequest(b *testing.B) {
	for name, tracer := range map[string]*spans.Tracer{"tracing off": nil, "tracing on": spans.NewTracer(0, nil)} {
		b.Run(name, func(b *testing.B) {
			_, address, _ := serve(b, Options{Tracer: tracer}, echo)
			c, err := net.Dial("tcp", address)
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			request := encode(twelveKB(), 9, 1)
			answer := make([]byte, 1<<10)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Write(request); err != nil {
					b.Fatal(err)
				}
				if _, err := io.ReadFull(c, answer[:4]); err != nil {
					b.Fatal(err)
				}
				if _, err := io.ReadFull(c, answer[:binary.BigEndian.Uint32(answer)]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// twelveKB is a produce request; the server does not look into the records.
func twelveKB() *kmsg.ProduceRequest {
	p := kmsg.NewProduceRequestTopicPartition()
	p.Records = make([]byte, 12_000)
	topic := kmsg.NewProduceRequestTopic()
	topic.Topic, topic.Partitions = "t", append(topic.Partitions, p)
	r := kmsg.NewPtrProduceRequest()
	r.Acks, r.TimeoutMillis, r.Topics = -1, 5000, append(r.Topics, topic)
	return r
}
