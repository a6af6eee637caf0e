package e2e

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/troupe-mq/troupe/e2e/cluster"
	"github.com/troupe-mq/troupe/e2e/history"
	"github.com/troupe-mq/troupe/e2e/load"
)

// fetchedFrom counts by node what a client is sent in answers to fetches.
type fetchedFrom struct {
	mu    sync.Mutex
	bytes map[int32]int
}

// OnBrokerRead implements kgo.HookBrokerRead.
func (f *fetchedFrom) OnBrokerRead(n kgo.BrokerMetadata, key int16, bytes int, _, _ time.Duration, _ error) {
	if key != 1 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.bytes == nil {
		f.bytes = map[int32]int{}
	}
	f.bytes[n.NodeID] += bytes
}

func (f *fetchedFrom) node(n int32) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.bytes[n]
}

// inRacks is a cluster of three in the racks a, b and c.
func inRacks(t *testing.T, more int) *cluster.Cluster {
	t.Helper()
	c := cluster.New(t, 3+more)
	onlyTroupe(t, c)
	for i, n := range c.Nodes {
		n.Args("--broker.rack=" + string(rune('a'+i)))
		n.Start()
	}
	c.WaitReady()
	return c
}

// KIP-392: a consumer reads from the replica in its rack, and sees there what it would see at the
// leader.
func TestConsumersReadInTheirRack(t *testing.T) {
	c := inRacks(t, 0)
	c.CreateTopicAt("near", []int32{1, 2, 3})
	waitPreferred(t, c, "near", 1)
	const n, size = 400, 2000
	// what is counted is what is sent
	asItIs := []kgo.Opt{kgo.ProducerBatchCompression(kgo.NoCompression())}
	rec := history.NewRecorder()
	p := load.Start(t, c, rec, load.Config{Topic: "near", Partitions: 1, Limit: n, Size: size, Interval: time.Millisecond, Options: asItIs})
	p.StopClean(60 * time.Second)
	c.WaitReplicas("near", 0, n)

	var from fetchedFrom
	consumer := c.Client(kgo.ConsumeTopics("near"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.Rack("b"), kgo.WithHooks(&from))
	var seen []string
	read := func(upto int) {
		t.Helper()
		ctx := within(t, 60*time.Second)
		for len(seen) < upto {
			fetches := consumer.PollFetches(ctx)
			if err := fetches.Err(); err != nil {
				t.Fatalf("%v after %d records", err, len(seen))
			}
			fetches.EachRecord(func(r *kgo.Record) { seen = append(seen, fmt.Sprint(r.Offset)) })
		}
	}
	read(n)
	if near, far := from.node(2), from.node(1)+from.node(3); near < n*size || far > near/4 {
		t.Errorf("%d bytes came from the node in the rack, %d from others", near, far)
	}
	// While it goes on reading there it is never told of less than it knows, and what is written
	// meanwhile arrives.
	p = load.Start(t, c, rec, load.Config{Topic: "near", Partitions: 1, Limit: n, Size: size, Interval: 3 * time.Millisecond, Options: asItIs})
	before := from.node(2)
	read(2 * n)
	p.StopClean(60 * time.Second)
	if more := from.node(2) - before; more < n*size {
		t.Errorf("%d bytes of what was written while it read came from the node in its rack", more)
	}
	for i, offset := range seen {
		if offset != fmt.Sprint(i) {
			t.Fatalf("the %d-th record has offset %s", i, offset)
		}
	}
	load.Check(t, c, rec, "near")
}

// A consumer whose replica is gone asks the leader again, in its own time, and is not sent back to
// where nobody is.
func TestConsumersOutliveTheirReplica(t *testing.T) {
	c := inRacks(t, 0)
	c.CreateTopicAt("outlived", []int32{1, 2, 3})
	waitPreferred(t, c, "outlived", 1)
	rec := history.NewRecorder()
	p := load.Start(t, c, rec, load.Config{Topic: "outlived", Partitions: 1, Interval: 3 * time.Millisecond})
	var from fetchedFrom
	consumer := c.Client(kgo.SeedBrokers(c.Node(1).Addr()), kgo.ConsumeTopics("outlived"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.Rack("b"),
		kgo.RecheckPreferredReplicaInterval(2*time.Second), kgo.WithHooks(&from))
	ctx := within(t, 90*time.Second)
	next := int64(0)
	until := func(done func() bool) {
		t.Helper()
		for !done() {
			fetches := consumer.PollFetches(ctx)
			if ctx.Err() != nil {
				t.Fatalf("nothing more after %d records; bytes by node: %d, %d, %d", next, from.node(1), from.node(2), from.node(3))
			}
			fetches.EachRecord(func(r *kgo.Record) {
				if r.Offset != next {
					t.Fatalf("offset %d comes after %d", r.Offset, next-1)
				}
				next++
			})
		}
	}
	until(func() bool { return next >= 100 && from.node(2) > 100 })
	c.Node(2).Kill()
	killed := next
	until(func() bool { return next >= killed+300 })
	p.StopClean(30 * time.Second)
	c.Node(2).Restart()
	load.Check(t, c, rec, "outlived")
}

// A follower serves what is committed, says so of what is not there, and sends nobody anywhere.
func TestFollowersServeWhatIsCommitted(t *testing.T) {
	c := inRacks(t, 0)
	c.CreateTopicAt("followed", []int32{1, 2, 3})
	waitPreferred(t, c, "followed", 1)
	records, want := numbered("followed", 0, "record", 10)
	produce(t, c.Client(manual()), records...)
	c.WaitReplicas("followed", 0, 10)
	for _, n := range c.Nodes {
		cluster.Eventually(t, 20*time.Second, fmt.Sprintf("node %d serves", n.ID), func(ctx context.Context) error {
			p, err := n.Fetch(ctx, "followed", 0, 0)
			if err == nil && (p.HighWatermark != 10 || len(p.RecordBatches) == 0 || p.PreferredReadReplica != -1) {
				return fmt.Errorf("high watermark %d, %d bytes, preferred %d", p.HighWatermark, len(p.RecordBatches), p.PreferredReadReplica)
			}
			return err
		})
		if _, err := n.Fetch(within(t, 10*time.Second), "followed", 0, 11); err == nil {
			t.Errorf("node %d has something at offset 11", n.ID)
		}
	}
	wantExactly(t, c, "followed", 0, slices.Clone(want))
}
