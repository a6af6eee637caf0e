package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/e2e/cluster"
	"github.com/troupe-mq/troupe/e2e/load"
)

// Three partitions have three leaders, and each goes on alone.
func TestThreePartitionsThreeLeaders(t *testing.T) {
	c := cluster.Start(t, 3)
	c.CreateTopic("three", 3, 3)
	c.WaitTopic("three", "three leaders", func(topic kmsg.MetadataResponseTopic) error {
		led := map[int32]int{}
		for _, p := range topic.Partitions {
			led[p.Leader]++
		}
		if len(topic.Partitions) != 3 || len(led) != 3 || topic.TopicID == [16]byte{} {
			return fmt.Errorf("id %x, partitions by leader: %v", topic.TopicID, led)
		}
		return nil
	})

	cl := c.Client(manual())
	for p := range int32(3) {
		records, _ := numbered("three", p, fmt.Sprint("explicit", p), 5)
		produce(t, cl, records...)
	}
	for p := range int32(3) {
		_, want := numbered("three", p, fmt.Sprint("explicit", p), 5)
		wantAssigned(t, c, "three", p, want)
	}

	unkeyed, want := numbered("three", 0, "unkeyed", 9)
	produce(t, c.Client(kgo.RecordPartitioner(kgo.RoundRobinPartitioner())), unkeyed...)
	seen := load.ReadAll(t, c, "three")
	var got []string
	for _, s := range seen {
		if slices.Contains(want, s.Value) {
			got = append(got, s.Value)
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) || len(seen) != 15+9 {
		t.Errorf("of 9 unkeyed records %q arrived, %d records in all, want 24", got, len(seen))
	}
}

// wantAssigned assigns one partition to a consumer and reads exactly the records wanted.
func wantAssigned(t *testing.T, c *cluster.Cluster, topic string, partition int32, want []string) {
	t.Helper()
	cl := c.Client(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {partition: kgo.NewOffset().AtStart()}}))
	defer cl.Close()
	ctx := within(t, 30*time.Second)
	var got []string
	for len(got) < len(want) {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("%s/%d: %v after %q", topic, partition, err, got)
		}
		fetches.EachRecord(func(r *kgo.Record) { got = append(got, fmt.Sprintf("%d:%s", r.Partition, r.Value)) })
	}
	for i := range want {
		want[i] = fmt.Sprintf("%d:%s", partition, want[i])
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s/%d: read %q, want %q", topic, partition, got, want)
	}
}

// Of five nodes two stand still (their connections stay open and nobody answers, which
// is worse than dead). Partition 0 has its majority there; 1 and 2 have one replica each there and
// must not care.
func TestAPartitionWithoutQuorumDoesNotSlowTheOthers(t *testing.T) {
	c := cluster.Start(t, 5)
	// Kafka's other partitions wait until the still nodes have left the in-sync replicas
	onlyTroupe(t, c)
	c.CreateTopicAt("isolated", []int32{3, 1, 2}, []int32{4, 5, 1}, []int32{5, 4, 2})
	waitPreferred(t, c, "isolated", 3, 4, 5)
	seeds := kgo.SeedBrokers(c.Node(4).Addr(), c.Node(5).Addr())
	before := measureAll(t, c, seeds, 4*time.Second, 1, 2)

	c.Node(1).Pause()
	c.Node(2).Pause()
	cut := c.Client(manual(), kgo.SeedBrokers(c.Node(3).Addr()))
	acked := make(chan error, 1)
	cut.Produce(context.Background(), &kgo.Record{Topic: "isolated", Value: []byte("cut")}, func(_ *kgo.Record, err error) { acked <- err })
	during := measureAll(t, c, seeds, 8*time.Second, 1, 2)
	select {
	case err := <-acked:
		t.Errorf("the partition without a quorum answered (%v), want it to wait", err)
	default:
	}

	c.Node(1).Resume()
	c.Node(2).Resume()
	select {
	case err := <-acked:
		if err != nil {
			t.Errorf("the waiting record failed when the quorum was back: %v", err)
		}
	case <-time.After(45 * time.Second):
		t.Error("the waiting record has no answer 45s after the quorum was back")
	}
	for p, b := range before {
		d := during[p]
		t.Logf("partition %d: before %s, during %s", p, b, d)
		if limit := 2*b.p50 + 20*time.Millisecond; d.p50 > limit {
			t.Errorf("partition %d: the median went from %s to %s, want at most %s", p, b.p50, d.p50, limit)
		}
		if limit := 3*b.p99 + 100*time.Millisecond; d.p99 > limit {
			t.Errorf("partition %d: p99 went from %s to %s, want at most %s", p, b.p99, d.p99, limit)
		}
	}
}

func waitPreferred(t *testing.T, c *cluster.Cluster, topic string, want ...int32) {
	t.Helper()
	c.WaitTopic(topic, "preferred leaders", func(topic kmsg.MetadataResponseTopic) error {
		for i, p := range topic.Partitions {
			if p.Leader != want[i] {
				return fmt.Errorf("partition %d is led by %d, want %d", i, p.Leader, want[i])
			}
		}
		return nil
	})
}

// latency of records sent one after the other.
type latency struct {
	n             int
	p50, p99, max time.Duration
}

func (l latency) String() string {
	return fmt.Sprintf("%d records, p50 %s, p99 %s, max %s", l.n, l.p50, l.p99, l.max)
}

// measureAll sends to the partitions at once, one record after the other each, for a while.
func measureAll(t *testing.T, c *cluster.Cluster, seeds kgo.Opt, d time.Duration, partitions ...int32) map[int32]latency {
	t.Helper()
	type result struct {
		partition int32
		l         latency
		err       error
	}
	results := make(chan result, len(partitions))
	for _, p := range partitions {
		cl := c.Client(manual(), seeds, kgo.ProducerLinger(0))
		go func() {
			l, err := measure(cl, "isolated", p, d)
			results <- result{p, l, err}
		}()
	}
	all := map[int32]latency{}
	for range partitions {
		r := <-results
		if r.err != nil {
			t.Fatalf("partition %d: %v", r.partition, r.err)
		}
		all[r.partition] = r.l
	}
	return all
}

func measure(cl *kgo.Client, topic string, partition int32, d time.Duration) (latency, error) {
	ctx, cancel := context.WithTimeout(context.Background(), d+30*time.Second)
	defer cancel()
	first := &kgo.Record{Topic: topic, Partition: partition, Value: []byte("connects")}
	// this one pays for connections and metadata
	if err := cl.ProduceSync(ctx, first).FirstErr(); err != nil {
		return latency{}, err
	}
	var took []time.Duration
	for end := time.Now().Add(d); time.Now().Before(end); {
		begin := time.Now()
		if err := cl.ProduceSync(ctx, &kgo.Record{Topic: topic, Partition: partition, Value: []byte("measured")}).FirstErr(); err != nil {
			return latency{}, err
		}
		took = append(took, time.Since(begin))
	}
	if len(took) == 0 {
		return latency{}, errors.New("not one record was acknowledged")
	}
	slices.Sort(took)
	return latency{n: len(took), p50: took[len(took)/2], p99: took[len(took)*99/100], max: took[len(took)-1]}, nil
}

// One address is enough, whichever it is.
func TestOneAddressIsEnough(t *testing.T) {
	c := cluster.Start(t, 3)
	c.CreateTopic("all", 3, 3)
	for _, n := range c.Nodes {
		producer := n.Client(manual())
		var want []string
		for p := range int32(3) {
			records, values := numbered("all", p, fmt.Sprintf("via%d.%d", n.ID, p), 3)
			produce(t, producer, records...)
			want = append(want, values...)
		}
		consumer := n.Client(kgo.ConsumeTopics("all"), kgo.ConsumerGroup(fmt.Sprint("via", n.ID)), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
		wantAmong(t, consumer, want)
		consumer.CloseAllowingRebalance()
	}
}

// wantAmong polls until all values were read.
func wantAmong(t *testing.T, cl *kgo.Client, want []string) {
	t.Helper()
	missing := map[string]bool{}
	for _, v := range want {
		missing[v] = true
	}
	ctx := within(t, 30*time.Second)
	for len(missing) > 0 {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("%v; still missing %v", err, missing)
		}
		fetches.EachRecord(func(r *kgo.Record) { delete(missing, string(r.Value)) })
	}
}
