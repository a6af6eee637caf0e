package e2e

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/troupe-mq/troupe/e2e/cluster"
)

// nodes compares what nodes show of their clients, journals, links and processes with what they
// were sent: one record of 64 KiB, which is read once.
func (w *watched) nodes(t *testing.T) {
	const size = 64 << 10
	leader, follower := w.c.Node(1), w.c.Node(2)
	offset := int64(w.value(leader, "troupe_partition_high_watermark"))
	before, links := w.of(leader), w.of(follower)
	grew := func(name string, labels ...string) float64 {
		return w.of(leader).Value(name, labels...) - before.Value(name, labels...)
	}
	cl := leader.Client(manual(), kgo.ProducerBatchCompression(kgo.NoCompression()))
	produce(t, cl, &kgo.Record{Topic: w.topic, Value: make([]byte, size)})
	w.fetched(t, leader, w.topic, offset, size)
	batch := grew("troupe_produce_bytes_total", w.labels...)
	if batch < size || batch > size+200 {
		t.Errorf("%g bytes were produced, a record of %d was sent", batch, size)
	}
	want(t, "bytes fetched", grew("troupe_fetch_bytes_total", w.labels...), batch)
	for _, name := range []string{"troupe_request_bytes_total", "troupe_response_bytes_total"} {
		if n := grew(name); n < batch || n > 2*batch {
			t.Errorf("%s grew by %g, a batch of %g bytes went there", name, n, batch)
		}
	}
	went := func(m cluster.Metrics, stage string) float64 {
		return float64(m.Count("troupe_produce_stage_ms", "stage", stage) - before.Count("troupe_produce_stage_ms", "stage", stage))
	}
	for _, stage := range []string{"check", "answer", "request"} {
		w.settles(leader, "produce requests in the stage "+stage, func(m cluster.Metrics) (got, want float64) { return went(m, stage), 1 })
	}
	// others go through these, too
	for _, stage := range []string{"queue", "stage", "wait", "sync", "replicate", "apply"} {
		if n := went(w.of(leader), stage); n < 1 {
			t.Errorf("%g produce requests in the stage %s", n, stage)
		}
	}
	w.journaled(t, leader, before, batch)
	w.linked(t, follower, links, batch)
	want(t, "start of the log", w.value(leader, "troupe_partition_log_start_offset"), 0)
	empty := 0.0
	for _, n := range w.c.Nodes {
		for _, name := range []string{"troupe_partitions_leaderless", "troupe_replicas_quarantined", "troupe_node_draining", "troupe_request_bytes_in_flight",
			"troupe_partition_requests_waiting", "troupe_spans_total", "troupe_spans_dropped_total"} {
			w.settles(n, name, func(m cluster.Metrics) (got, want float64) { return m.Value(name), 0 })
		}
		empty += w.of(n).Value("troupe_groups", "state", "Empty")
		w.process(t, n)
	}
	want(t, "groups without members", empty, 1)
	w.connected(t, leader)
}

// settles waits until a value at a node is as it is to be.
func (w *watched) settles(n *cluster.Node, what string, of func(cluster.Metrics) (got, want float64)) {
	w.t.Helper()
	cluster.Eventually(w.t, 30*time.Second, fmt.Sprintf("%s at node %d", what, n.ID), func(ctx context.Context) error {
		m, err := n.Metrics(ctx)
		if err != nil {
			return err
		}
		if got, want := of(m); got != want {
			return fmt.Errorf("is %g, want %g", got, want)
		}
		return nil
	})
}

// journaled looks at a journal through which a batch went since then.
func (w *watched) journaled(t *testing.T, n *cluster.Node, then cluster.Metrics, batch float64) {
	m := w.of(n)
	groups, writes := m.Value("troupe_journal_groups_total"), m.Value("troupe_journal_group_writes")
	if groups <= then.Value("troupe_journal_groups_total") || float64(m.Count("troupe_journal_sync_ms")) < groups || m.Value("troupe_journal_sync_ms") <= 0 {
		t.Errorf("%g transactions, %d of them took %g ms", groups, m.Count("troupe_journal_sync_ms"), m.Value("troupe_journal_sync_ms"))
	}
	if waited := w.of(n).Count("troupe_journal_wait_ms"); writes < groups-1 || float64(waited) < writes {
		t.Errorf("%g writes in %g transactions, %d of them waited", writes, groups, waited)
	}
	if bytes := m.Value("troupe_journal_group_bytes") - then.Value("troupe_journal_group_bytes"); bytes < batch || bytes > batch+64<<10 {
		t.Errorf("%g bytes went through the journal, a batch of %g was sent", bytes, batch)
	}
	for _, name := range []string{"troupe_journal_queue_writes", "troupe_journal_queue_bytes"} {
		w.settles(n, name, func(m cluster.Metrics) (got, want float64) { return m.Value(name), 0 })
	}
}

// linked looks at a follower's link to node 1, from which a batch came since then: what it received
// was sent, the batch on the lane for bulk.
func (w *watched) linked(t *testing.T, n *cluster.Node, then cluster.Metrics, batch float64) {
	from := []string{"peer", "1", "lane", ""}
	to := []string{"peer", id(n), "lane", ""}
	for lane, least := range map[string]float64{"control": 1, "bulk": batch} {
		from[3], to[3] = lane, lane
		for what, least := range map[string]float64{"frames": 1, "bytes": least} {
			name := "troupe_remote_" + what + "_received_total"
			var received float64
			// a heartbeat may be due only now
			cluster.Eventually(t, 20*time.Second, what+" come on the lane "+lane, func(context.Context) error {
				received = w.of(n).Value(name, from...)
				if grew := received - then.Value(name, from...); grew < least {
					return fmt.Errorf("%g, want %g", grew, least)
				}
				return nil
			})
			if sent := w.of(w.c.Node(1)).Value("troupe_remote_"+what+"_sent_total", to...); sent < received {
				t.Errorf("%g %s came on the lane %s, %g were sent", received, what, lane, sent)
			}
		}
	}
}

// process looks at what a node says of itself and of the cluster.
func (w *watched) process(t *testing.T, n *cluster.Node) {
	w.settles(n, "index of the metadata", func(m cluster.Metrics) (got, want float64) {
		return m.Value("troupe_metadata_index"), w.of(w.c.Controller()).Value("troupe_metadata_index")
	})
	m := w.of(n)
	for name, value := range map[string]float64{"troupe_remote_up": 2, "troupe_nodes": 3, "troupe_node_joined": 1, "troupe_build_info": 1} {
		want(t, fmt.Sprintf("%s at node %d", name, n.ID), m.Value(name), value)
	}
	want(t, "topics", m.Value("troupe_topics"), w.of(w.c.Node(1)).Value("troupe_topics"))
	for _, name := range []string{"troupe_process_cpu_seconds_total", "troupe_process_goroutines", "go_goroutines", "process_open_fds"} {
		if m.Value(name) <= 0 {
			t.Errorf("%s at node %d is %g", name, n.ID, m.Value(name))
		}
	}
	if heap, total := m.Value("troupe_process_memory_bytes", "kind", "heap"), m.Value("troupe_process_memory_bytes", "kind", "total"); heap <= 0 || heap > total {
		t.Errorf("the heap of node %d has %g bytes of %g", n.ID, heap, total)
	}
}

// connected opens three connections and sends nonsense on one of them. Clients of other tests may
// come and go meanwhile.
func (w *watched) connected(t *testing.T, n *cluster.Node) {
	before := w.of(n)
	var last net.Conn
	for range 3 {
		c, err := net.Dial("tcp", n.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		last = c
	}
	if _, err := last.Write([]byte("GET / HTTP/1.1\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	cluster.Eventually(t, 30*time.Second, "connections are counted", func(ctx context.Context) error {
		m, err := n.Metrics(ctx)
		if err != nil {
			return err
		}
		came, refused := m.Value("troupe_connections_total")-before.Value("troupe_connections_total"), m.Value("troupe_connections_refused_total")-before.Value("troupe_connections_refused_total")
		if open := m.Value("troupe_connections"); came < 3 || refused != 1 || open < 2 || open > m.Value("troupe_connections_total") {
			return fmt.Errorf("%g came, %g were refused, %g are open; three came, and one sent nonsense", came, refused, open)
		}
		return nil
	})
}
