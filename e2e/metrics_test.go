package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/e2e/cluster"
)

// follows waits until a metric of the partition is the same at a node as at another.
func (w *watched) follows(n, other *cluster.Node, name string) {
	w.t.Helper()
	cluster.Eventually(w.t, 45*time.Second, fmt.Sprintf("%s at node %d", name, n.ID), func(ctx context.Context) error {
		if got, want := w.value(n, name), w.value(other, name); got != want {
			return fmt.Errorf("is %g, at node %d %g", got, other.ID, want)
		}
		return nil
	})
}

// leastLed are the nodes in order of how many partitions they are preferred for: who makes a topic
// there gives the supervisor no reason to prefer other leaders, which would take the watched
// partition from node 1.
func (w *watched) leastLed(t *testing.T) []int32 {
	t.Helper()
	all, err := w.c.Admin().ListTopicsWithInternal(within(t, 10*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	preferred := map[int32]int{}
	all.EachPartition(func(p kadm.PartitionDetail) { preferred[p.Replicas[0]]++ })
	return slices.SortedFunc(slices.Values([]int32{3, 2, 1}), func(a, b int32) int { return preferred[a] - preferred[b] })
}

// stored sends four MiB to a topic of its own, reads their beginning and their end, and deletes the
// topic.
func (w *watched) stored(t *testing.T) {
	const sent, slack = 8 * 512 << 10, 128 << 10
	live := func(n *cluster.Node, least, most float64) {
		t.Helper()
		cluster.Eventually(t, 30*time.Second, "live bytes at node "+id(n), func(ctx context.Context) error {
			m, err := n.Metrics(ctx)
			if err != nil {
				return err
			}
			if got := m.Value("troupe_storage_live_bytes"); got < least || got > most {
				return fmt.Errorf("%g, want from %g to %g", got, least, most)
			}
			return nil
		})
	}
	w.c.CreateTopicAt("stored", w.leastLed(t))
	before := map[int32]cluster.Metrics{}
	for _, n := range w.c.Nodes {
		before[n.ID] = w.of(n)
	}
	cl := w.c.Client(manual(), kgo.ProducerBatchCompression(kgo.NoCompression()))
	for range 8 {
		produce(t, cl, &kgo.Record{Topic: "stored", Value: make([]byte, 512<<10)})
	}
	for _, n := range w.c.Nodes {
		was := before[n.ID].Value("troupe_storage_live_bytes")
		live(n, was+sent, was+sent+slack)
		m := w.of(n)
		if disk := m.Value("troupe_storage_disk_bytes"); disk < was+sent || m.Value("troupe_storage_free_bytes") <= 0 {
			t.Errorf("%g bytes of the disk are used at node %d and %g are free, %d were sent", disk, n.ID, m.Value("troupe_storage_free_bytes"), sent)
		}
		// A tail is 2 MiB at most: that of this topic, and that of the other.
		if kept := m.Value("troupe_storage_cache_bytes"); kept < 512<<10 || kept > 4<<20 {
			t.Errorf("%g bytes are kept in memory at node %d, want a record at least and 4 MiB at most", kept, n.ID)
		}
	}
	leader := w.c.Leader("stored", 0)
	reads := func(what string, offset int64, memory, store float64) {
		t.Helper()
		of := func(source string) float64 { return w.of(leader).Value("troupe_storage_reads_total", "source", source) }
		m, s := of("memory"), of("store")
		w.fetched(t, leader, "stored", offset, 512<<10)
		want(t, what+" in memory", of("memory")-m, memory)
		want(t, what+" in the store", of("store")-s, store)
	}
	reads("the first record", 0, 0, 1)
	reads("the last record", 7, 1, 0)
	if _, err := w.c.Admin().DeleteTopics(within(t, 20*time.Second), "stored"); err != nil {
		t.Fatal(err)
	}
	for _, n := range w.c.Nodes {
		was := before[n.ID].Value("troupe_storage_live_bytes")
		live(n, was-slack, was+slack)
	}
}

// fetched asks for one batch, which has a size at least.
func (w *watched) fetched(t *testing.T, n *cluster.Node, topic string, offset int64, size int) {
	t.Helper()
	known, err := n.Topic(within(t, 10*time.Second), topic)
	if err != nil {
		t.Fatal(err)
	}
	p := kmsg.NewFetchRequestTopicPartition()
	p.FetchOffset, p.PartitionMaxBytes = offset, 1
	one := kmsg.NewFetchRequestTopic()
	one.Topic, one.TopicID, one.Partitions = topic, known.TopicID, append(one.Partitions, p)
	req := kmsg.NewPtrFetchRequest()
	req.MinBytes, req.MaxBytes, req.Topics = 1, 1, append(req.Topics, one)
	resp, err := req.RequestWith(within(t, 10*time.Second), n.Broker())
	if err != nil {
		t.Fatal(err)
	}
	if r := resp.Topics[0].Partitions[0]; r.ErrorCode != 0 || len(r.RecordBatches) < size {
		t.Fatalf("offset %d: error %d and %d bytes", offset, r.ErrorCode, len(r.RecordBatches))
	}
}

// moved replaces one of a partition's two replicas. That is three changes of members: who comes
// becomes a learner, the joint configuration in which it votes instead of who goes is entered, and
// it is left.
func (w *watched) moved(t *testing.T) {
	at := w.leastLed(t)
	w.c.CreateTopicAt("moved", at[:2])
	leader, gone, come := w.c.Node(at[0]), w.c.Node(at[1]), w.c.Node(at[2])
	m := watch(t, w.c, "moved")
	m.becomes(leader, 1, "troupe_raft_node_state", "node_id", id(leader))
	want(t, "changes of members at first", m.value(leader, "troupe_raft_config_changes_total"), 0)
	var req kadm.AlterPartitionAssignmentsReq
	req.Assign("moved", 0, []int32{leader.ID, come.ID})
	resp, err := w.c.Admin().AlterPartitionAssignments(within(t, 30*time.Second), req)
	if err = errors.Join(err, resp.Error()); err != nil {
		t.Fatal(err)
	}
	cluster.Eventually(t, 45*time.Second, "the replaced replica is gone", func(ctx context.Context) error {
		at, err := gone.Metrics(ctx)
		if err == nil && at.Has("troupe_raft_cluster_size", m.labels...) {
			err = fmt.Errorf("node %d still shows it", gone.ID)
		}
		return err
	})
	// a follower, no learner any more
	m.becomes(come, 3, "troupe_raft_node_state", "node_id", id(come))
	want(t, "changes of members", m.value(leader, "troupe_raft_config_changes_total"), 3)
	for _, n := range []*cluster.Node{leader, come} {
		m.becomes(n, 2, "troupe_raft_cluster_size")
		m.becomes(n, 2, "troupe_raft_quorum_size")
	}
	m.becomes(leader, 2, "troupe_raft_isr_size")
}

// unanswered asks the leader of __meta, while it is paused, for a topic: one call and one error
// more of that kind to that node, none to the other.
func (w *watched) unanswered(t *testing.T) {
	paused := w.c.Controller()
	asking, other := w.c.Node(paused.ID%3+1), w.c.Node((paused.ID+1)%3+1)
	of := func(m cluster.Metrics, name string, n *cluster.Node) float64 {
		return m.Value(name, "rpc_type", "submit", "target_node", id(n))
	}
	before := w.of(asking)
	paused.Pause()
	one := kmsg.NewCreateTopicsRequestTopic()
	one.Topic, one.NumPartitions, one.ReplicationFactor = "unanswered", 1, 2
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis, req.Topics = 10_000, append(req.Topics, one)
	resp, err := req.RequestWith(within(t, 15*time.Second), asking.Broker())
	if err != nil {
		t.Error(err)
	} else {
		want(t, "answer", kerr.ErrorForCode(resp.Topics[0].ErrorCode), error(kerr.RequestTimedOut))
	}
	after := w.of(asking)
	paused.Resume()
	want(t, "calls", of(after, "troupe_raft_rpc_calls_total", paused)-of(before, "troupe_raft_rpc_calls_total", paused), 1)
	want(t, "errors", of(after, "troupe_raft_rpc_errors_total", paused)-of(before, "troupe_raft_rpc_errors_total", paused), 1)
	want(t, "errors of the other", of(after, "troupe_raft_rpc_errors_total", other)-of(before, "troupe_raft_rpc_errors_total", other), 0)
	w.c.WaitReady()
	w.c.WaitInSync(w.topic)
}

// The default /metrics of a node with thousands of replicas stays small and quick.
func TestMetricsOfThreeThousandPartitions(t *testing.T) {
	if os.Getenv("E2E_LONG") == "" {
		t.Skip("9,000 replicas take minutes; E2E_LONG=1 runs it")
	}
	t.Run("one node", func(t *testing.T) { metricsOfMany(t, 1) })
	t.Run("three nodes", func(t *testing.T) { metricsOfMany(t, 3) })
}

// metricsOfMany makes 3,000 partitions with a replica on each node, and times /metrics.
func metricsOfMany(t *testing.T, nodes int) {
	c := cluster.Start(t, nodes, cluster.NoVerify())
	onlyTroupe(t, c)
	begin := time.Now()
	for i := range 30 {
		topic := fmt.Sprintf("many-%d", i)
		cluster.Eventually(t, 2*time.Minute, topic+" is created", func(ctx context.Context) error {
			r, err := c.Admin().CreateTopic(ctx, 100, int16(nodes), nil, topic)
			// the time was up for the answer before
			if err = errors.Join(err, r.Err); errors.Is(err, kerr.TopicAlreadyExists) {
				return nil
			}
			return err
		})
	}
	cluster.Eventually(t, 5*time.Minute, "every partition has its leader and followers", func(ctx context.Context) error {
		leaders, followers := 0.0, 0.0
		for _, n := range c.Nodes {
			m, err := n.Metrics(ctx)
			if err != nil {
				return err
			}
			leaders, followers = leaders+m.Value("troupe_raft_leader_count"), followers+m.Value("troupe_raft_follower_count")
		}
		if leaders != 3001 || followers != 3001*float64(nodes-1) { // __meta is one more
			return fmt.Errorf("%g leaders and %g followers", leaders, followers)
		}
		return nil
	})
	t.Logf("3,000 partitions with %d replicas were led after %s", nodes, time.Since(begin))
	for _, n := range c.Nodes {
		fastest := time.Hour // of five: what else runs on the machine is not what is measured
		for range 5 {
			begin := time.Now()
			text, err := n.Get(within(t, 20*time.Second), "/metrics")
			took := time.Since(begin)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("node %d: %d bytes in %s", n.ID, len(text), took)
			if fastest = min(fastest, took); len(text) > 5<<20 {
				t.Errorf("node %d: /metrics is %d bytes, below 5 MiB is wanted", n.ID, len(text))
			}
		}
		if fastest > time.Second {
			t.Errorf("node %d: /metrics took %s at best, a second is wanted", n.ID, fastest)
		}
	}
}
