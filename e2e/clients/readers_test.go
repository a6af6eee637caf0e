//go:build clients

package clients

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/troupe-mq/troupe/actors/node"
	"github.com/troupe-mq/troupe/e2e/cluster"
)

// TestReadersForKafkasTools has Kafka's tools look at a topic with a read-only replica and write
// back what they see, and Kafka's consumer read from that replica.
func TestReadersForKafkasTools(t *testing.T) {
	c := cluster.New(t, 4)
	for i, n := range c.Nodes {
		n.Args("--broker.rack=" + string(rune('a'+i)))
		n.Start()
	}
	c.WaitReady()
	j := newJVM(t, c)
	c.CreateTopicAt("read", []int32{1, 2, 3})
	j.fillOne(t, "read", 100)
	operates(t, c, "topic", "alter", "read", "--read-replicas", "1")
	waitReader(t, c, "read", 4)

	out := j.says(t, j.tool(kafkaTopics, "--describe", "--topic", "read"), "PartitionCount: 1 ReplicationFactor: 4", "Partition: 0 Leader: 1")
	if replicas := regexp.MustCompile(`Replicas: (\S+) Isr: (\S+)`).FindStringSubmatch(out); replicas == nil || replicas[1] != "1,2,3,4" || len(strings.Split(replicas[2], ",")) != 4 {
		t.Errorf("the reader is to be the last replica, and in sync: %s", out)
	}
	for _, wrong := range []string{"--under-replicated-partitions", "--under-min-isr-partitions", "--unavailable-partitions"} {
		if out := run(t, j.tool(kafkaTopics, "--describe", wrong), ""); out != "" {
			t.Errorf("%s: %s", wrong, out)
		}
	}

	// The list that the tool prints is written back with its first two replicas swapped: the reader
	// stays one.
	file := plan(t, "read", []int32{2, 1, 3, 4})
	j.says(t, j.tool(kafkaReassign, "--execute", "--reassignment-json-file", file), "Successfully started partition reassignment")
	cluster.Eventually(t, 120*time.Second, "the reassignment is complete", func(context.Context) error {
		out, err := try(j.tool(kafkaReassign, "--verify", "--reassignment-json-file", file), "")
		if err != nil || !strings.Contains(out, "Reassignment of partition read-0 is completed.") {
			return fmt.Errorf("%v: %s", err, out)
		}
		return nil
	})
	waitReader(t, c, "read", 4)

	before := readsAt(t, c)
	out = run(t, j.tool(kafkaConsoleConsumer, "--topic", "read", "--partition", "0", "--offset", "earliest", "--max-messages", "100", "--timeout-ms", "60000",
		"--command-property", "client.rack=d"), "")
	if got := strings.Count(out, "value "); got != 100 {
		t.Errorf("%d of 100 records were read", got)
	}
	after := readsAt(t, c)
	t.Logf("reads by node: %v before, %v after", before, after)
	if after[3] == before[3] {
		t.Error("the consumer in the reader's rack was not served by the reader")
	}
	if others := after[0] + after[1] + after[2] - before[0] - before[1] - before[2]; others > 0 {
		t.Errorf("%v reads were served in other racks", others)
	}
}

func operates(t *testing.T, c *cluster.Cluster, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	out, err := c.Node(2).Operate(ctx, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// waitReader waits until a node has the topic's only read-only replica, in sync.
func waitReader(t *testing.T, c *cluster.Cluster, topic string, at int32) {
	t.Helper()
	cluster.Eventually(t, 60*time.Second, fmt.Sprintf("the reader on node %d", at), func(context.Context) error {
		var all []node.ReplicaStatus
		if err := json.Unmarshal([]byte(operates(t, c, "topic", "describe", topic, "--json")), &all); err != nil {
			return err
		}
		readers := slices.DeleteFunc(slices.Clone(all), func(r node.ReplicaStatus) bool { return r.Role != "reader" })
		if len(readers) != 1 || readers[0].Node != at || !readers[0].InSync || readers[0].Coming {
			return fmt.Errorf("%+v", all)
		}
		return nil
	})
}

// readsAt counts by node how often consumers were served records.
func readsAt(t *testing.T, c *cluster.Cluster) (reads []float64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for _, n := range c.Nodes {
		m, err := n.Metrics(ctx)
		if err != nil {
			t.Fatal(err)
		}
		reads = append(reads, m.Value("troupe_storage_reads_total"))
	}
	return reads
}
