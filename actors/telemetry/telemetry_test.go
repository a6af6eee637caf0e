package telemetry

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/troupe-mq/troupe/actors/node"
	"github.com/troupe-mq/troupe/actors/remote"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/actors/server"
	"github.com/troupe-mq/troupe/actors/stages"
	"github.com/troupe-mq/troupe/raft"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// still is a source that always shows the same.
type still struct{ o *node.Observation }

func (s still) Observe(context.Context) *node.Observation { return s.o }

// observation shows a node that leads every third of so many partitions, ten to a topic.
func observation(partitions int) *node.Observation {
	o := &node.Observation{
		Status: node.Status{Node: 1, ClusterID: "c", MetaLeader: 1}, Version: "v1", Image: metadata.NewMachine().Image(),
		Meters: &replica.Meters{}, Stages: &stages.Clock{}, Gone: replica.Counts{Won: 100, Commits: 1000},
		Server: server.Reading{Answered: []server.Answered{{Key: 0, Code: 6, Took: stages.Counts{Count: 2, Sum: 3e6, Buckets: []stages.Bucket{{Top: 1e6, Count: 1}, {Top: 2e6, Count: 1}}}}}},
		Peers:  []remote.PeerReading{{Peer: 2, Up: true, Asks: []remote.AskReading{{Kind: "hello", Failed: 1}}}},
	}
	o.Store = storage.Usage{Disk: 4000, Free: 5000, Live: 3000, Reclaimed: 2000}
	o.Meters.TailReads.Store(7)
	o.Peers[0].Lanes[0].Name, o.Peers[0].Lanes[1].Name = "control", "bulk"
	for i := range partitions {
		r := node.ReplicaReading{Topic: fmt.Sprintf("topic-%03d", i/10), Partition: int32(i % 10), Wanted: 3, View: &replica.View{HighWatermark: int64(i)}}
		r.Standing.Status = raft.Status{Role: raft.Follower, Term: uint64(5 + i), Last: 30, Commit: 20, Applied: 20}
		r.Standing.Counts = replica.Counts{Won: 1, Commits: 10}
		r.Standing.TailBytes = 100
		r.Standing.Start, r.Standing.Voters, r.Standing.Members = 10, 3, 3
		if i%3 == 0 {
			r.Standing.Role, r.Standing.Established, r.Standing.InSync = raft.Leader, true, 2
			r.Standing.Followers = []replica.FollowerStanding{{Node: 2, Lag: uint64(i), Behind: time.Second}, {Node: 3}}
		}
		o.Replicas = append(o.Replicas, r)
	}
	return o
}

// scrape reads what a node with that observation shows at /metrics.
func scrape(t testing.TB, s Scope, o *node.Observation) (families map[string]*dto.MetricFamily, bytes int, took time.Duration) {
	t.Helper()
	all, err := New(Options{NodeID: 1, Partitions: s, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = all.Shutdown(context.Background()) })
	all.Observe(still{o})
	begin := time.Now()
	w := httptest.NewRecorder()
	all.Metrics().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	took = time.Since(begin)
	text, _ := io.ReadAll(w.Body)
	parser := expfmt.NewTextParser(model.LegacyValidation)
	if families, err = parser.TextToMetricFamilies(strings.NewReader(string(text))); err != nil {
		t.Logf("%.500s", text)
		t.Fatal(err)
	}
	return families, len(text), took
}

// at returns a series' value; the labels are name, value, name, value, …, all of them.
func at(t testing.TB, families map[string]*dto.MetricFamily, name string, labels ...string) float64 {
	t.Helper()
	for _, m := range families[name].GetMetric() {
		if len(m.Label) == len(labels)/2 && matches(m, labels) {
			switch {
			case m.Gauge != nil:
				return m.Gauge.GetValue()
			case m.Counter != nil:
				return m.Counter.GetValue()
			}
		}
	}
	t.Fatalf("%s has no series %v: %v", name, labels, families[name])
	return 0
}

func matches(m *dto.Metric, labels []string) bool {
	for i := 0; i < len(labels); i += 2 {
		found := false
		for _, l := range m.Label {
			found = found || l.GetName() == labels[i] && l.GetValue() == labels[i+1]
		}
		if !found {
			return false
		}
	}
	return true
}

func TestSeriesOfPartitions(t *testing.T) {
	f, _, _ := scrape(t, Auto, observation(30))
	if got := at(t, f, "troupe_raft_leader_count"); got != 10 {
		t.Errorf("%g leaders, want 10", got)
	}
	if got := at(t, f, "troupe_raft_current_term", "topic", "topic-002", "partition", "4"); got != 29 {
		t.Errorf("the term is %g, want 29", got)
	}
	if got := at(t, f, "troupe_raft_follower_lag_entries", "topic", "topic-002", "partition", "7", "follower_id", "2"); got != 27 {
		t.Errorf("the lag is %g, want 27", got)
	}
	if got := at(t, f, "troupe_raft_follower_lag_ms", "topic", "topic-002", "partition", "7", "follower_id", "2"); got != 1000 {
		t.Errorf("the lag is %g ms, want 1000", got)
	}
	if got := at(t, f, "troupe_raft_node_state", "topic", "topic-000", "partition", "0", "node_id", "1"); got != 1 {
		t.Errorf("a leader's state is %g, want 1", got)
	}
	if got := at(t, f, "troupe_raft_election_count", "topic", "topic-000", "partition", "0", "result", "won"); got != 1 {
		t.Errorf("%g elections won, want 1", got)
	}
	if got := at(t, f, "troupe_requests_total", "api", "Produce", "error", "NOT_LEADER_FOR_PARTITION"); got != 2 {
		t.Errorf("%g produce requests failed, want 2", got)
	}
	for name, want := range map[string]float64{"disk_bytes": 4000, "free_bytes": 5000, "live_bytes": 3000, "reclaimed_bytes_total": 2000, "cache_bytes": 3000} {
		if got := at(t, f, "troupe_storage_"+name); got != want {
			t.Errorf("troupe_storage_%s is %g, want %g", name, got, want)
		}
	}
	if memory, store := at(t, f, "troupe_storage_reads_total", "source", "memory"), at(t, f, "troupe_storage_reads_total", "source", "store"); memory != 7 || store != 0 {
		t.Errorf("%g reads of memory and %g of the store, want 7 and 0", memory, store)
	}
	h := f["troupe_request_latency_ms"].GetMetric()[0].GetHistogram()
	if h.GetSampleCount() != 2 || h.GetSampleSum() != 3 {
		t.Errorf("two requests of 1 and 2 ms: %v", h)
	}
	for _, b := range h.Bucket {
		if want := map[bool]uint64{true: 1, false: 2}[b.GetUpperBound() < 2]; b.GetUpperBound() >= 1 && b.GetCumulativeCount() != want {
			t.Errorf("%d requests within %g ms, want %d", b.GetCumulativeCount(), b.GetUpperBound(), want)
		}
	}
}

func TestSeriesOfTopicsAndOfTheNode(t *testing.T) {
	f, _, _ := scrape(t, Topics, observation(30))
	if got := at(t, f, "troupe_raft_current_term", "topic", "topic-001"); got != 24 {
		t.Errorf("the largest term of the topic is %g, want 24", got)
	}
	if got := at(t, f, "troupe_raft_commit_index", "topic", "topic-001"); got != 200 {
		t.Errorf("the commits of the topic are %g, want 200", got)
	}
	if f["troupe_raft_node_state"] != nil {
		t.Error("states of partitions are shown by topic")
	}
	f, _, _ = scrape(t, Off, observation(30))
	if got := at(t, f, "troupe_raft_isr_size"); got != 2 {
		t.Errorf("the smallest ISR is %g, want 2", got)
	}
	if got := at(t, f, "troupe_raft_follower_lag_entries", "follower_id", "2"); got != 27 {
		t.Errorf("the largest lag of node 2 is %g, want 27", got)
	}
	if got := at(t, f, "troupe_raft_election_count", "result", "won"); got != 130 {
		t.Errorf("%g elections won, want 30 and the 100 of replicas that have gone", got)
	}
	if got := at(t, f, "troupe_raft_election_count", "result", "lost"); got != 0 {
		t.Errorf("%g elections lost, want 0", got)
	}
	if got := at(t, f, "troupe_raft_commits_total"); got != 1300 {
		t.Errorf("%g commits, want 300 and the 1000 of replicas that have gone", got)
	}
}

// TestLagsOfManyGroups: few partitions and many groups that consume them make many series, too.
func TestLagsOfManyGroups(t *testing.T) {
	o := observation(30)
	consumed := func(groups int) {
		o.Groups = nil
		for i := range groups {
			g := node.GroupReading{Group: fmt.Sprintf("group-%03d", i), State: "Stable"}
			for p := range int32(10) {
				g.Lags = append(g.Lags, node.LagReading{Topic: "topic-000", Partition: p, Records: int64(p), Behind: time.Duration(p) * time.Second})
			}
			o.Groups = append(o.Groups, g)
		}
	}
	consumed(AutoLimit / 10)
	f, _, _ := scrape(t, Auto, o)
	if got := at(t, f, "troupe_group_lag_records", "group", "group-007", "topic", "topic-000", "partition", "9"); got != 9 {
		t.Errorf("the lag is %g, want 9", got)
	}
	consumed(AutoLimit/10 + 1)
	f, _, _ = scrape(t, Auto, o)
	if got := at(t, f, "troupe_group_lag_records", "group", "group-007"); got != 45 {
		t.Errorf("the lag of the group is %g, want 45", got)
	}
	if got := at(t, f, "troupe_group_lag_seconds", "group", "group-007"); got != 9 {
		t.Errorf("the lag of the group is %g s, want the largest, 9", got)
	}
	if n := len(f["troupe_group_lag_records"].GetMetric()); n != len(o.Groups) {
		t.Errorf("%d series of lags, want one for each of %d groups", n, len(o.Groups))
	}
	if got := at(t, f, "troupe_raft_current_term", "topic", "topic-002", "partition", "4"); got != 29 {
		t.Errorf("the term is %g, want 29: partitions are shown", got)
	}
}

func TestThreeThousandPartitions(t *testing.T) {
	f, bytes, took := scrape(t, Auto, observation(3000))
	t.Logf("3,000 partitions: %d bytes in %s", bytes, took)
	if bytes > 5<<20 || took > time.Second {
		t.Errorf("/metrics with 3,000 partitions has %d bytes after %s, want less than 5 MB and a second", bytes, took)
	}
	if got := at(t, f, "troupe_raft_leader_count"); got != 1000 {
		t.Errorf("%g leaders, want 1000", got)
	}
	f, bytes, took = scrape(t, Auto, observation(AutoLimit))
	t.Logf("%d partitions, each with its series: %d bytes in %s", AutoLimit, bytes, took)
	if n := len(f["troupe_raft_current_term"].GetMetric()); n != AutoLimit {
		t.Errorf("%d partitions are shown, want %d", n, AutoLimit)
	}
	if bytes > 5<<20 {
		t.Errorf("/metrics at the limit has %d bytes, want less than 5 MB", bytes)
	}
}

func BenchmarkScrape(b *testing.B) {
	o := observation(AutoLimit)
	for b.Loop() {
		scrape(b, Partitions, o)
	}
}
