package troupetest_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"github.com/troupe-mq/troupe/e2e/troupetest"
)

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// produce writes records i to n-1, each to the partition of its number, and waits until they are
// acknowledged.
func produce(t *testing.T, client *kgo.Client, topic string, i, n int) {
	t.Helper()
	var records []*kgo.Record
	for ; i < n; i++ {
		records = append(records, &kgo.Record{Topic: topic, Key: fmt.Append(nil, i), Value: fmt.Append(nil, i)})
	}
	if err := client.ProduceSync(within(t), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// consume reads until n different records were read.
func consume(t *testing.T, client *kgo.Client, n int) {
	t.Helper()
	ctx, seen := within(t), map[string]bool{}
	for len(seen) < n {
		fetched := client.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			t.Fatalf("%d of %d records were read: %v", len(seen), n, err)
		}
		fetched.EachRecord(func(r *kgo.Record) { seen[string(r.Value)] = true })
	}
}

var fromStart = kgo.ConsumeResetOffset(kgo.NewOffset().AtStart())

// What was acknowledged outlives the loss of any node, and a node comes back where it was.
func TestKillAndRestart(t *testing.T) {
	for name, more := range map[string][]troupetest.Option{"in memory": nil, "on disk": {troupetest.OnDisk()}} {
		t.Run(name, func(t *testing.T) {
			c := troupetest.Start(t, append(more, troupetest.Nodes(3), troupetest.Topic("orders", 6))...)
			producer := c.Client()
			produce(t, producer, "orders", 0, 100)
			victim := c.Leader("orders", 0)
			address := c.Address(victim)
			c.Kill(victim)
			produce(t, producer, "orders", 100, 200)
			c.Restart(victim)
			if got := c.Address(victim); got != address {
				t.Errorf("node %d is at %s, was at %s", victim, got, address)
			}
			next := victim%3 + 1
			c.Stop(next)
			produce(t, producer, "orders", 200, 300)
			consume(t, c.Client(kgo.ConsumeTopics("orders"), kgo.ConsumerGroup("g"), fromStart), 300)
			c.Restart(next)
		})
	}
}

// Clusters of one process know nothing of each other, and nothing is left of them.
func TestManyAtOnce(t *testing.T) {
	running := goleak.IgnoreCurrent()
	t.Run("all", func(t *testing.T) {
		for i := range 4 {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				c := troupetest.Start(t, troupetest.Nodes(1+2*(i%2)), troupetest.Topic("t", 2))
				produce(t, c.Client(), "t", 0, 10*(i+1))
				client := c.Client(kgo.ConsumeTopics("t"), fromStart)
				consume(t, client, 10*(i+1))
			})
		}
	})
	err := goleak.Find(running)
	for deadline := time.Now().Add(20 * time.Second); err != nil && time.Now().Before(deadline); {
		err = goleak.Find(running)
	}
	if err != nil {
		t.Error(err)
	}
}

// A cluster of one needs nothing said, and takes the broker's settings.
func TestSettings(t *testing.T) {
	c := troupetest.Start(t, troupetest.Setting("auto.create.topics.enable", "true"), troupetest.Setting("num.partitions", "3"))
	client := c.Client(kgo.AllowAutoTopicCreation())
	produce(t, client, "made", 0, 10)
	if n := len(c.Addresses()); n != 1 {
		t.Errorf("%d addresses", n)
	}
	consume(t, c.Client(kgo.ConsumeTopics("made"), fromStart), 10)
}
