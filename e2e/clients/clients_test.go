//go:build clients

package clients

import (
	"testing"

	"github.com/troupe-mq/troupe/e2e/cluster"
)

// TestClients runs all clients against one cluster, one after the other: each finds what those
// before it left.
func TestClients(t *testing.T) {
	c := cluster.Start(t, 3)
	for topic, partitions := range bystanders {
		c.CreateTopic(topic, partitions, 3)
	}
	for _, client := range []struct {
		name string
		test func(*testing.T, *cluster.Cluster)
	}{
		{"kcat", kcat},
		{"java", java},
		{"console", console},
		{"tools", tools},
		{"kafka-python", kafkaPython},
		{"confluent-kafka-python", confluentKafka},
		{"kafkajs", kafkaJS},
		{"sarama", sarama},
		{"kafka-go", kafkaGo},
		{"kafka-python-2.0.2", kafkaPython202},
		{"franz-go", franz},
	} {
		t.Run(client.name, func(t *testing.T) { client.test(t, c) })
	}
}

// bystanders are topics that nobody uses and that every client has to see, with names of every kind
// that Kafka allows.
var bystanders = map[string]int32{"plain": 1, "with.dots": 3, "with_underscores": 2, "with-dashes-123": 12, "UPPER": 1}
