package e2e

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/troupe-mq/troupe/e2e/cluster"
	"github.com/troupe-mq/troupe/e2e/history"
	"github.com/troupe-mq/troupe/e2e/load"
)

// onlyTroupe skips a test that asks for more than Kafka has.
func onlyTroupe(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	if c.Flavor() != "troupe" {
		t.Skipf("%s does not do this", c.Flavor())
	}
}

// within is a context for calls that must not hang.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// produce sends the records one after the other and fails the test on any error.
func produce(t *testing.T, cl *kgo.Client, records ...*kgo.Record) {
	t.Helper()
	ctx := within(t, 30*time.Second)
	for _, r := range records {
		if err := cl.ProduceSync(ctx, r).FirstErr(); err != nil {
			t.Fatalf("produce %q to %s/%d: %v", r.Value, r.Topic, r.Partition, err)
		}
	}
}

// numbered are n records of a partition with values prefix-0, prefix-1 and so on.
func numbered(topic string, partition int32, prefix string, n int) (records []*kgo.Record, values []string) {
	for i := range n {
		value := fmt.Sprintf("%s-%d", prefix, i)
		records = append(records, &kgo.Record{Topic: topic, Partition: partition, Value: []byte(value)})
		values = append(values, value)
	}
	return records, values
}

// inPartition are the values of one partition in order of offset.
func inPartition(seen []history.Seen, partition int32) (values []string) {
	for _, s := range seen {
		if s.Partition.Index == partition {
			values = append(values, s.Value)
		}
	}
	return values
}

// wantExactly reads a whole partition and compares it, values and order.
func wantExactly(t *testing.T, c *cluster.Cluster, topic string, partition int32, want []string) {
	t.Helper()
	if got := inPartition(load.ReadAll(t, c, topic), partition); !slices.Equal(got, want) {
		t.Fatalf("%s/%d holds %q, want %q", topic, partition, got, want)
	}
}

// manual makes a client send records to the partition they name.
func manual() kgo.Opt { return kgo.RecordPartitioner(kgo.ManualPartitioner()) }

// want compares what is so with what is to be.
func want[N comparable](t *testing.T, what string, got, want N) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// id is how labels name a node.
func id(n *cluster.Node) string { return strconv.Itoa(int(n.ID)) }
