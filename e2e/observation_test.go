package e2e

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/troupe-mq/troupe/e2e/cluster"
)

// foundedAt is the index at which every shard's log begins (raft.Founding).
const foundedAt = 10

// watched reads the metrics of one partition, on all running nodes.
type watched struct {
	t      *testing.T
	c      *cluster.Cluster
	topic  string
	labels []string
}

func watch(t *testing.T, c *cluster.Cluster, topic string) *watched {
	return &watched{t, c, topic, []string{"topic", topic, "partition", "0"}}
}

// of reads a node's metrics; it fails the test if they cannot be read.
func (w *watched) of(n *cluster.Node) cluster.Metrics {
	w.t.Helper()
	m, err := n.Metrics(within(w.t, 5*time.Second))
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}

// value is a metric of the partition at a node.
func (w *watched) value(n *cluster.Node, name string, labels ...string) float64 {
	w.t.Helper()
	m := w.of(n)
	if labels = append(labels, w.labels...); !m.Has(name, labels...) {
		w.t.Fatalf("node %d shows no %s %v", n.ID, name, labels)
	}
	return m.Value(name, labels...)
}

// everywhere is the sum of a metric of the partition over the running nodes.
func (w *watched) everywhere(name string, labels ...string) (sum float64) {
	w.t.Helper()
	for _, n := range w.c.Running() {
		sum += w.of(n).Value(name, append(labels, w.labels...)...)
	}
	return sum
}

// becomes waits until a metric of the partition at a node has a value.
func (w *watched) becomes(n *cluster.Node, want float64, name string, labels ...string) {
	w.t.Helper()
	labels = append(labels, w.labels...)
	cluster.Eventually(w.t, 45*time.Second, fmt.Sprintf("%s %v at node %d", name, labels, n.ID), func(ctx context.Context) error {
		m, err := n.Metrics(ctx)
		if err != nil {
			return err
		}
		if got := m.Value(name, labels...); got != want || !m.Has(name, labels...) {
			return fmt.Errorf("is %g, want %g", got, want)
		}
		return nil
	})
}

// Every metric of the list has the value that follows from what the test did.
func TestMetricsTellWhatHappened(t *testing.T) {
	c := cluster.Start(t, 3)
	onlyTroupe(t, c)
	c.CreateTopicAt("told", []int32{1, 2, 3})
	w := watch(t, c, "told")
	cluster.Eventually(t, 30*time.Second, "the preferred leader leads", func(context.Context) error {
		if l := c.Leader("told", 0); l.ID != 1 {
			return fmt.Errorf("node %d does", l.ID)
		}
		return nil
	})
	t.Run("produce", w.produced)
	t.Run("state", w.quiet)
	t.Run("groups", w.grouped)
	t.Run("snapshots", w.snapshots)
	t.Run("storage", w.stored)
	t.Run("nodes", w.nodes)
	t.Run("a replica is replaced", w.moved)
	t.Run("a paused follower and an election", w.lagAndElection)
	t.Run("a question without an answer", w.unanswered)
	t.Run("metadata by snapshot", w.metadataBySnapshot)
}

// produced sends ten records, one request after the other: ten proposals, ten entries, ten commits.
func (w *watched) produced(t *testing.T) {
	leader := w.c.Node(1)
	cl := leader.Client(manual(), kgo.DisableIdempotentWrite(), kgo.MaxProduceRequestsInflightPerBroker(1))
	before := map[int32]cluster.Metrics{}
	for _, n := range w.c.Nodes {
		w.follows(n, leader, "troupe_raft_commit_index")
		before[n.ID] = w.of(n)
	}
	records, _ := numbered(w.topic, 0, "r", 10)
	begin := time.Now()
	produce(t, cl, records...)
	took := time.Since(begin)
	grew := func(name string, labels ...string) float64 {
		return w.of(leader).Value(name, labels...) - before[leader.ID].Value(name, labels...)
	}
	want(t, "records", grew("troupe_produce_records_total", w.labels...), 10)
	want(t, "commits", grew("troupe_raft_commits_total", w.labels...), 10)
	timed := w.of(leader).Count("troupe_raft_commit_latency_ms") - before[leader.ID].Count("troupe_raft_commit_latency_ms")
	ms := grew("troupe_raft_commit_latency_ms")
	if foreign := grew("troupe_raft_commits_total", "topic", "__meta"); timed < 10 || float64(timed) > 10+foreign {
		t.Errorf("%d commit latencies of ten records and %g commands to the metadata at most", timed, foreign)
	}
	if ms <= 0 || timed == 10 && ms > float64(took.Microseconds())/1000 {
		t.Errorf("ten commits took %g ms, the client waited for them %s", ms, took)
	}
	// counted once they are answered
	w.settles(leader, "produce requests", func(m cluster.Metrics) (got, want float64) {
		answered := []string{"api", "Produce", "error", "NONE"}
		return m.Value("troupe_requests_total", answered...), before[leader.ID].Value("troupe_requests_total", answered...) + 10
	})
	if all := grew("troupe_request_latency_ms", "api", "Produce"); timed == 10 && all <= ms || all > float64(took.Microseconds())/1000 {
		t.Errorf("ten requests took %g ms with their commits, the client waited %s", all, took)
	}
	// since the start, of all shards
	w.settles(leader, "entries committed at once", func(m cluster.Metrics) (got, want float64) {
		return m.Value("troupe_raft_commit_batch_size"), m.Value("troupe_raft_commits_total")
	})
	want(t, "appends rejected", grew("troupe_raft_append_entries_rejected_total", w.labels...), 0)
	// Each entry was sent before the next was proposed; to a slow follower several go at once.
	withEntries := float64(w.of(leader).Count("troupe_raft_append_entries_size_bytes") - before[leader.ID].Count("troupe_raft_append_entries_size_bytes"))
	if sent := grew("troupe_raft_append_entries_sent_total"); withEntries < 10 || sent < withEntries {
		t.Errorf("%g appends were sent, %g with entries, want ten at least", sent, withEntries)
	}
	// An entry is the record batch and 24 bytes; each went to two followers.
	bytes := 2 * (grew("troupe_produce_bytes_total", w.labels...) + 10*24)
	cluster.Eventually(t, 30*time.Second, "all entries are sent", func(context.Context) error {
		if got := grew("troupe_raft_append_entries_size_bytes"); got < bytes || withEntries == 20 && timed == 10 && got != bytes {
			return fmt.Errorf("%g bytes of appends, want %g", got, bytes)
		}
		return nil
	})
	cluster.Eventually(t, 10*time.Second, "all appends sent are received", func(context.Context) error {
		sent := grew("troupe_raft_append_entries_sent_total", w.labels...)
		received := 0.0
		for _, n := range w.c.Nodes[1:] {
			received += w.of(n).Value("troupe_raft_append_entries_received_total", w.labels...) - before[n.ID].Value("troupe_raft_append_entries_received_total", w.labels...)
		}
		// of each link a message may have been under way before
		if off := sent - received; off < -2 || off > 2 {
			return fmt.Errorf("%g of %g", received, sent)
		}
		return nil
	})
	for _, n := range w.c.Nodes[1:] {
		w.becomes(n, before[n.ID].Value("troupe_raft_commits_total", w.labels...)+10, "troupe_raft_commits_total")
	}
}

// quiet compares what a partition at rest shows on its three nodes.
func (w *watched) quiet(t *testing.T) {
	leader := w.c.Node(1)
	commit := w.value(leader, "troupe_raft_commit_index")
	states := map[int32]float64{1: 1, 2: 3, 3: 3}
	for _, n := range w.c.Nodes {
		w.becomes(n, commit, "troupe_raft_commit_index")
		w.becomes(n, commit, "troupe_raft_last_applied")
		want(t, "term", w.value(n, "troupe_raft_current_term"), w.value(leader, "troupe_raft_current_term"))
		want(t, "state of node "+id(n), w.value(n, "troupe_raft_node_state", "node_id", id(n)), states[n.ID])
		want(t, "entries", w.value(n, "troupe_raft_log_size_entries"), commit-foundedAt)
		want(t, "bytes", w.value(n, "troupe_raft_log_size_bytes"), w.of(leader).Value("troupe_produce_bytes_total", w.labels...))
		want(t, "members", w.value(n, "troupe_raft_cluster_size"), 3)
		want(t, "quorum", w.value(n, "troupe_raft_quorum_size"), 2)
		want(t, "high watermark", w.value(n, "troupe_partition_high_watermark"), 10)
		want(t, "changes of members", w.value(n, "troupe_raft_config_changes_total"), 0)
		m := w.of(n)
		// of the topic and of __meta
		want(t, "roles", m.Value("troupe_raft_leader_count")+m.Value("troupe_raft_follower_count"), 2)
		want(t, "leaders", m.Value("troupe_raft_leader_count"), m.Value("troupe_metadata_leader")+map[bool]float64{true: 1}[n.ID == 1])
		want(t, "nodes", m.Value("troupe_nodes_up"), 3)
	}
	w.becomes(leader, 3, "troupe_raft_isr_size") // a follower may be a heartbeat behind
	for _, n := range w.c.Nodes[1:] {
		w.becomes(leader, 0, "troupe_raft_follower_lag_entries", "follower_id", id(n))
		w.becomes(leader, 0, "troupe_raft_follower_lag_ms", "follower_id", id(n))
		if w.of(n).Has("troupe_raft_isr_size", w.labels...) {
			t.Errorf("node %d shows an ISR though it does not lead", n.ID)
		}
	}
	// A question from one node to another, counted once on each side of it: a topic made where __meta
	// is not led.
	asking := w.c.Node(w.c.Controller().ID%3 + 1)
	target := []string{"rpc_type", "submit", "target_node", id(w.c.Controller())}
	before := w.of(asking)
	createAt(t, asking, "asked", 3)
	after := w.of(asking)
	want(t, "rpc calls", after.Value("troupe_raft_rpc_calls_total", target...)-before.Value("troupe_raft_rpc_calls_total", target...), 1)
	want(t, "rpc errors", after.Value("troupe_raft_rpc_errors_total", target...)-before.Value("troupe_raft_rpc_errors_total", target...), 0)
	want(t, "rpc latencies", after.Count("troupe_raft_rpc_latency_ms", target...)-before.Count("troupe_raft_rpc_latency_ms", target...), 1)
}

// grouped commits an offset in the middle and compares the group's lag in records and in seconds.
func (w *watched) grouped(t *testing.T) {
	admin := w.c.Admin()
	ctx := within(t, 30*time.Second)
	var offsets kadm.Offsets
	offsets.Add(kadm.Offset{Topic: w.topic, Partition: 0, At: 4, LeaderEpoch: -1})
	cluster.Eventually(t, 30*time.Second, "an offset is committed", func(context.Context) error {
		_, err := admin.CommitOffsets(ctx, "slow", offsets)
		return err
	})
	consumer := w.c.Client(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{w.topic: {0: kgo.NewOffset().At(4)}}))
	made := consumer.PollFetches(ctx).Records()[0].Timestamp
	consumer.Close() // what follows counts what is fetched
	labels := append([]string{"group", "slow"}, w.labels...)
	cluster.Eventually(t, 10*time.Second, "the group's coordinator shows its lag", func(ctx context.Context) error {
		shown := 0
		for _, n := range w.c.Nodes {
			m, err := n.Metrics(ctx)
			if err != nil {
				return err
			}
			if !m.Has("troupe_group_lag_records", labels...) {
				continue
			}
			shown++
			want(t, "lag in records", m.Value("troupe_group_lag_records", labels...), 6)
			age := time.Since(made).Seconds()
			if lag := m.Value("troupe_group_lag_seconds", labels...); lag > age || lag < age-5.1 {
				t.Errorf("the lag is %g s, the record that waits is %g s old", lag, age)
			}
		}
		if shown != 1 {
			return fmt.Errorf("%d nodes show it, want one", shown)
		}
		return nil
	})
}

// snapshots sends two MiB, after which each replica has taken a snapshot of its state.
func (w *watched) snapshots(t *testing.T) {
	large := make([]byte, 512<<10)
	cl := w.c.Client(manual(), kgo.ProducerBatchCompression(kgo.NoCompression()))
	for range 4 {
		produce(t, cl, &kgo.Record{Topic: w.topic, Partition: 0, Value: large})
	}
	for _, n := range w.c.Nodes {
		cluster.Eventually(t, 20*time.Second, "a snapshot is taken at node "+id(n), func(context.Context) error {
			taken := w.value(n, "troupe_raft_snapshot_count")
			// it goes with the next write, which a follower that got all at once does not have yet
			if taken == 0 {
				produce(t, cl, &kgo.Record{Topic: w.topic, Partition: 0, Value: []byte("next")})
				return fmt.Errorf("none")
			}
			m := w.of(n)
			if created := m.Count("troupe_raft_snapshot_create_latency_ms"); float64(created) < taken || m.Value("troupe_raft_snapshot_create_latency_ms") <= 0 {
				return fmt.Errorf("%g taken, %d durable", taken, created)
			}
			last, applied := w.value(n, "troupe_raft_snapshot_last_index"), w.value(n, "troupe_raft_last_applied")
			if last <= foundedAt || last > applied || w.value(n, "troupe_raft_snapshot_size_bytes") <= 0 {
				t.Errorf("the snapshot reaches to %g, applied is %g", last, applied)
			}
			return nil
		})
	}
}

// lagAndElection pauses a follower, appends seven entries, kills the leader, and lets the follower
// go on: its lag was seven, the ISR two, the third node is elected once, by two votes, and finds
// the follower's log behind.
func (w *watched) lagAndElection(t *testing.T) {
	leader, heir, follower := w.c.Node(1), w.c.Node(2), w.c.Node(3)
	w.becomes(leader, 0, "troupe_raft_follower_lag_entries", "follower_id", id(follower))
	follower.Pause()
	records, _ := numbered(w.topic, 0, "lag", 7)
	cl := leader.Client(manual(), kgo.DisableIdempotentWrite(), kgo.MaxProduceRequestsInflightPerBroker(1))
	begin := time.Now()
	produce(t, cl, records[0])
	first := time.Now()
	produce(t, cl, records[1:]...)
	w.becomes(leader, 2, "troupe_raft_isr_size")
	least := time.Since(first)
	m := w.of(leader)
	most := time.Since(begin)
	labels := append([]string{"follower_id", id(follower)}, w.labels...)
	want(t, "lag in entries", m.Value("troupe_raft_follower_lag_entries", labels...), 7)
	if lag := m.Value("troupe_raft_follower_lag_ms", labels...); lag < float64(least.Milliseconds()) || lag > float64(most.Milliseconds())+15 {
		t.Errorf("the lag is %g ms, the oldest entry was appended between %s and %s ago", lag, least, most)
	}
	want(t, "under-replicated partitions", m.Value("troupe_partitions_under_replicated") >= 1, true)

	term := w.value(heir, "troupe_raft_current_term")
	won := w.value(heir, "troupe_raft_election_count", "result", "won")
	elected := w.of(heir).Count("troupe_raft_election_latency_ms")
	leader.Kill()
	follower.Resume()
	w.becomes(heir, 1, "troupe_raft_node_state", "node_id", id(heir))
	w.becomes(heir, 2, "troupe_raft_isr_size")
	want(t, "elections won by the heir", w.value(heir, "troupe_raft_election_count", "result", "won"), won+1)
	want(t, "elections won by the follower", w.value(follower, "troupe_raft_election_count", "result", "won"), 0)
	want(t, "votes", w.value(heir, "troupe_raft_votes_received"), 2)
	if now := w.value(heir, "troupe_raft_current_term"); now <= term {
		t.Errorf("the term is %g after the election, it was %g", now, term)
	}
	m = w.of(heir)
	if n := m.Count("troupe_raft_election_latency_ms"); n <= elected {
		t.Errorf("%d latencies of elections, there were %d", n, elected)
	}
	if n := w.value(heir, "troupe_raft_append_entries_rejected_total"); n < 1 {
		t.Error("the follower lacked seven entries and rejected nothing")
	}
	for _, n := range []*cluster.Node{heir, follower} {
		want(t, "nodes up", w.of(n).Value("troupe_nodes_up"), 2)
	}
	leader.Restart()
	w.c.WaitInSync(w.topic)
	w.becomes(leader, 1, "troupe_raft_node_state", "node_id", id(leader)) // leadership is handed back
	w.becomes(leader, 3, "troupe_raft_isr_size")
}

// metadataBySnapshot changes the metadata more often than entries are kept while a node is away.
func (w *watched) metadataBySnapshot(t *testing.T) {
	away := w.c.Node(w.c.Controller().ID%3 + 1)
	meta := &watched{t, w.c, "__meta", []string{"topic", "__meta", "partition", "0"}}
	away.Stop()
	cl := w.c.Controller().Client()
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			for range 70 {
				value := "1000"
				req := kadm.AlterConfig{Op: kadm.SetConfig, Name: "segment.ms", Value: &value}
				if _, err := kadm.NewClient(cl).AlterTopicConfigs(context.Background(), []kadm.AlterConfig{req}, w.topic); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	leader := w.c.Controller()
	if n := meta.value(leader, "troupe_raft_log_compactions_total"); n < 1 {
		t.Errorf("%g compactions of __meta after 2,240 changes", n)
	}
	entries, commit := meta.value(leader, "troupe_raft_log_size_entries"), meta.value(leader, "troupe_raft_commit_index")
	if entries >= commit-foundedAt {
		t.Errorf("%g entries of __meta are kept of %g", entries, commit-foundedAt)
	}
	away.Restart()
	meta.follows(away, leader, "troupe_raft_commit_index")
	if n := meta.value(away, "troupe_raft_snapshot_transfers_total", "direction", "received"); n < 1 {
		t.Error("the node that was away received no snapshot")
	}
	if n := meta.everywhere("troupe_raft_snapshot_transfers_total", "direction", "sent"); n < 1 {
		t.Error("no node sent a snapshot")
	}
	m := meta.of(away)
	if m.Count("troupe_raft_snapshot_apply_latency_ms") < 1 || m.Value("troupe_raft_snapshot_apply_latency_ms") <= 0 {
		t.Error("the snapshot was applied in no time")
	}
	if last := meta.value(away, "troupe_raft_snapshot_last_index"); last <= foundedAt || last > commit {
		t.Errorf("the snapshot reaches to %g of %g", last, commit)
	}
	w.c.WaitInSync(w.topic)
}

// Health and readiness mean something.
func TestReadiness(t *testing.T) {
	c := cluster.New(t, 3, cluster.NoVerify())
	onlyTroupe(t, c)
	alone := c.Node(1)
	alone.Start()
	cluster.Eventually(t, 20*time.Second, "a node without the others is healthy and not ready", func(ctx context.Context) error {
		if _, err := alone.Get(ctx, "/healthz"); err != nil {
			return err
		}
		if err := alone.Ready(ctx); err == nil {
			t.Fatal("it is ready without a cluster")
		}
		return nil
	})
	c.Node(2).Start()
	c.Node(3).Start()
	c.WaitReady()
	c.CreateTopicAt("ready", []int32{1, 2, 3})
	stopped := make(chan struct{})
	unready := make(chan bool, 1)
	go func() {
		seen := false
		for {
			select {
			case <-stopped:
				unready <- seen
				return
			default:
			}
			r, err := http.Get("http://" + alone.MetricsAddr() + "/readyz")
			if err == nil {
				seen = seen || r.StatusCode == http.StatusServiceUnavailable
				r.Body.Close()
			}
		}
	}()
	begin := time.Now()
	alone.Stop()
	close(stopped)
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("stopping took %s, at most 10 s are allowed", took)
	}
	if !<-unready {
		t.Error("the node said that it is ready while it drained")
	}
	if leaders := c.WaitLeaders("ready"); leaders[0] == 1 {
		t.Error("the leadership was not handed over")
	}
}
