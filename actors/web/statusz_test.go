package web

import (
	"bytes"
	"strings"
	"testing"

	"github.com/troupe-mq/troupe/actors/health"
	"github.com/troupe-mq/troupe/actors/node"
)

func TestStatusPage(t *testing.T) {
	p := statusPage{Self: node.Status{Node: 2, Replicas: 7}, Version: "v1.2", Unready: "draining", Up: 1}
	p.ClusterID, p.MetaLeader = "abc", -1
	p.Nodes = []health.Node{{ID: 1, Kafka: "<script>:9092", DiskUsed: 3 << 29}, {ID: 2, Up: true, State: "active"}}
	p.Problems = []health.Problem{{Kind: health.NodeDown, Node: 1, Reason: "no link"}, {Kind: health.UnderReplicated, Node: -1, Partition: "orders-3", Reason: "2 of 3"}}
	var b bytes.Buffer
	if err := statuszPage.Execute(&b, p); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"not healthy", "1 of 2", "orders-3", "no link", "1.5 GiB", "&lt;script&gt;", "not ready: draining", "nobody known", "node 2"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if strings.Contains(b.String(), "<script") {
		t.Error("the page has a script")
	}
}

func TestSizeOf(t *testing.T) {
	for n, want := range map[int64]string{0: "–", 1: "1 B", 1023: "1023 B", 1536: "1.5 KiB", 5 << 20: "5 MiB", 1 << 50: "1024 TiB"} {
		if got := sizeOf(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
}
