package e2e

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/troupe-mq/troupe/e2e/cluster"
	"github.com/troupe-mq/troupe/e2e/otlp"
)

// traceparent makes a producer's trace context and the record header that carries it.
func traceparent(sampled bool) (trace, span string, header kgo.RecordHeader) {
	var b [24]byte
	rand.Read(b[:])
	trace, span = hex.EncodeToString(b[:16]), hex.EncodeToString(b[16:])
	flags := "00"
	if sampled {
		flags = "01"
	}
	return trace, span, kgo.RecordHeader{Key: "traceparent", Value: []byte("00-" + trace + "-" + span + "-" + flags)}
}

// One trace from the producer's record through consensus on three nodes to the consumer,
// and metrics, over OTLP.
func TestOneTraceThroughConsensus(t *testing.T) {
	receiver := otlp.Listen(t)
	c := cluster.New(t, 3)
	onlyTroupe(t, c)
	for _, n := range c.Nodes {
		n.Args("--otlp.endpoint", receiver.URL(), "--otlp.metrics.interval", "1s")
		n.Start()
	}
	c.WaitReady()
	c.CreateTopicAt("traced", []int32{1, 2, 3})
	cl := c.Client(manual(), kgo.DisableIdempotentWrite())
	produce(t, cl, &kgo.Record{Topic: "traced", Value: []byte("without")})
	_, _, unsampled := traceparent(false)
	produce(t, cl, &kgo.Record{Topic: "traced", Value: []byte("not sampled"), Headers: []kgo.RecordHeader{unsampled}})

	trace, span, header := traceparent(true)
	begin := time.Now()
	produce(t, cl, &kgo.Record{Topic: "traced", Value: []byte("sampled"), Headers: []kgo.RecordHeader{header}})
	took := time.Since(begin)
	consumer := c.Client(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{"traced": {0: kgo.NewOffset().At(2)}}))
	if got := consumer.PollFetches(within(t, 10*time.Second)).Records(); len(got) != 1 || string(got[0].Value) != "sampled" {
		t.Fatalf("fetched %v", got)
	}

	var got otlp.Trace
	cluster.Eventually(t, 20*time.Second, "the whole trace arrives", func(context.Context) error {
		got = receiver.Trace(trace)
		for name, n := range map[string]int{"produce": 1, "commit": 1, "replicate": 2, "sync": 3, "apply": 3, "fetch": 1} {
			if have := len(got.Named(name)); have != n {
				return fmt.Errorf("%d spans called %s, want %d", have, name, n)
			}
		}
		return nil
	})
	var tree strings.Builder
	got.Print(&tree)
	t.Logf("the client waited %.3f ms; %d spans from nodes %v\n%s", float64(took.Microseconds())/1000, len(got), got.Nodes(), &tree)

	if len(got) < 8 || !slices.Equal(got.Nodes(), []string{"1", "2", "3"}) {
		t.Errorf("%d spans from nodes %v, want eight at least from all three", len(got), got.Nodes())
	}
	root := got.Named("produce")[0]
	if root.Parent != span || root.Node != "1" {
		t.Errorf("the request lies below %s at node %s, want the producer's span %s at node 1", root.Parent, root.Node, span)
	}
	checkParents(t, got)
	if share := got.Covered(root); share < 0.95 {
		t.Errorf("%.1f %% of the request lie within named spans, want 95", 100*share)
	}
	// The client may have the answer before the node knows that it is written.
	if total := got.Named("answer")[0].Begin.Sub(root.Begin); total > took {
		t.Errorf("the answer was there after %s, the client waited %s", total, took)
	}
	if n := receiver.Traces(); n != 1 {
		t.Errorf("%d traces arrived, one was sampled", n)
	}
	w, counted, dropped := watch(t, c, "traced"), 0.0, 0.0
	for _, n := range c.Nodes {
		counted, dropped = counted+w.of(n).Value("troupe_spans_total"), dropped+w.of(n).Value("troupe_spans_dropped_total")
	}
	if counted != float64(len(got)) || dropped != 0 {
		t.Errorf("the nodes counted %g spans and %g that were dropped, %d arrived", counted, dropped, len(got))
	}
	for name, want := range map[string]int{"troupe_raft_commit_latency_ms": 3, "troupe_raft_current_term": 3, "troupe_requests_total": 3, "troupe_build_info": 3} {
		cluster.Eventually(t, 10*time.Second, name+" is pushed by all nodes", func(context.Context) error {
			if n := receiver.Metrics(name); n != want {
				return fmt.Errorf("by %d", n)
			}
			return nil
		})
	}
}

// checkParents holds every span to its place: below whom, on which node, about which entry.
func checkParents(t *testing.T, got otlp.Trace) {
	t.Helper()
	below := map[string][]string{
		"read": {"produce"}, "check": {"produce"}, "queue": {"produce"}, "propose": {"produce"}, "commit": {"produce"}, "answer": {"produce", "fetch"},
		"fetch": {"produce"}, "find": {"fetch"}, "replicate": {"commit"}, "receive": {"replicate"},
		"append": {"commit", "replicate"}, "sync": {"commit", "replicate"}, "apply": {"produce", "commit"},
	}
	commit := got.Named("commit")[0].Attributes
	index, term := commit["troupe.index"], commit["troupe.term"]
	if index == "" || term == "" {
		t.Errorf("the commit does not say of which entry: %v", commit)
	}
	for _, s := range got {
		parent := got.Find(s.Parent)
		if s.Name == "produce" {
			continue
		}
		if !slices.Contains(below[s.Name], parent.Name) {
			t.Errorf("%s lies below %q, want one of %q", s.Name, parent.Name, below[s.Name])
		}
		if s.Name != "replicate" && s.Name != "apply" && s.Node != parent.Node {
			t.Errorf("%s at node %s lies below %s at node %s", s.Name, s.Node, parent.Name, parent.Node)
		}
		if s.End.Before(s.Begin) || s.Name != "fetch" && s.Begin.Before(parent.Begin.Add(-time.Millisecond)) {
			t.Errorf("%s begins %s and ends %s, its parent begins %s", s.Name, s.Begin, s.End, parent.Begin)
		}
		if i, ok := s.Attributes["troupe.index"]; ok && i != index {
			t.Errorf("%s is about entry %s, want %s", s.Name, i, index)
		} else if ok && s.Attributes["troupe.term"] != term {
			t.Errorf("%s is about term %q, want %s", s.Name, s.Attributes["troupe.term"], term)
		}
		if s.Attributes["troupe.shard"] == "" || s.Attributes["messaging.kafka.offset"] == "" && s.Name != "read" && s.Name != "check" {
			t.Errorf("%s does not say where it was: %v", s.Name, s.Attributes)
		}
	}
}
