//go:build !race

package api_test

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/api"
	"github.com/troupe-mq/troupe/protocol/batch"
)

// BenchmarkAdmit is what a topic's settings cost for a batch of one small record, on a node, of a
// topic with a setting of its own.
func BenchmarkAdmit(b *testing.B) {
	n, address := start(b)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(address))
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	r, topic, config := kmsg.NewPtrCreateTopicsRequest(), kmsg.NewCreateTopicsRequestTopic(), kmsg.NewCreateTopicsRequestTopicConfig()
	config.Name, config.Value = "max.message.bytes", kmsg.StringPtr("1000000")
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = "t", 1, 1
	topic.Configs = append(topic.Configs, config)
	r.Topics = append(r.Topics, topic)
	if got, err := r.RequestWith(ctx, client); err != nil || got.Topics[0].ErrorCode != 0 {
		b.Fatalf("%v %+v", err, got)
	}
	t, one := n.Image().Topics["t"], batch.Build(values(1))
	b.ReportAllocs()
	for b.Loop() {
		if err := api.Admit(n, t, one); err != nil {
			b.Fatal(err)
		}
	}
}
