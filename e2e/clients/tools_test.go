//go:build clients

package clients

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/troupe-mq/troupe/e2e/cluster"
)

// tools is the life of a topic and of a group as an operator leads it with Kafka's console tools.
func tools(t *testing.T, c *cluster.Cluster) {
	j := newJVM(t, c)
	const topic, group = "operated", "operated-group"
	asksForVersions(t, j)
	changesTopics(t, c, j, topic)
	j.fill(t, topic, 50)
	movesOffsets(t, j, topic, group)
	deletesRecords(t, j, topic)
	deletesTopics(t, j, topic)
}

func asksForVersions(t *testing.T, j jvm) {
	t.Helper()
	out := j.says(t, j.tool(kafkaAPIVersions), "(id: 1 rack: null", "(id: 2 rack: null", "(id: 3 rack: null", "Produce(0): 0 to 13 [usable: 13]", "Fetch(1): 4 to 18 [usable: 18]")
	if strings.Contains(out, "UNKNOWN(") {
		t.Errorf("a node offers an API that Kafka does not know: %s", out)
	}
	j.says(t, j.main("", kafkaCluster, "cluster-id", "--bootstrap-server", j.brokers), "Cluster ID: ")
}

func changesTopics(t *testing.T, c *cluster.Cluster, j jvm, topic string) {
	t.Helper()
	j.says(t, j.tool(kafkaTopics, "--create", "--topic", topic, "--partitions", "3", "--replication-factor", "3", "--config", "retention.ms=3600000"), "Created topic operated.")
	c.WaitInSync(topic)
	if _, err := try(j.tool(kafkaTopics, "--create", "--topic", topic, "--partitions", "3"), ""); err == nil {
		t.Error("a topic that exists was created again")
	}
	j.says(t, j.tool(kafkaTopics, "--describe", "--topic", topic), "PartitionCount: 3 ReplicationFactor: 3 Configs: retention.ms=3600000", "Partition: 2 Leader:")
	j.says(t, j.tool(kafkaTopics, "--alter", "--topic", topic, "--partitions", "5"))
	c.WaitInSync(topic)
	j.says(t, j.tool(kafkaTopics, "--describe", "--topic", topic), "PartitionCount: 5 ", "Partition: 4 Leader:")
	if out := run(t, j.tool(kafkaTopics, "--describe", "--under-replicated-partitions"), ""); out != "" {
		t.Errorf("partitions are under-replicated: %s", out)
	}
	configs := func(args ...string) []string {
		return append([]string{"--entity-type", "topics", "--entity-name", topic}, args...)
	}
	j.says(t, j.tool(kafkaConfigs, configs("--alter", "--add-config", "retention.ms=7200000,max.message.bytes=2000000")...), "Completed updating config for topic operated.")
	j.says(t, j.tool(kafkaConfigs, configs("--describe")...), "retention.ms=7200000", "max.message.bytes=2000000")
	j.says(t, j.tool(kafkaConfigs, configs("--alter", "--delete-config", "retention.ms")...), "Completed updating config for topic operated.")
	out := j.says(t, j.tool(kafkaConfigs, configs("--describe", "--all")...), "max.message.bytes=2000000", "retention.ms=604800000", "cleanup.policy=delete")
	if strings.Contains(out, "7200000") {
		t.Errorf("a setting that was deleted is still there: %s", out)
	}
	if _, err := try(j.tool(kafkaConfigs, configs("--alter", "--add-config", "retention.ms=soon")...), ""); err == nil {
		t.Error("retention.ms=soon was taken")
	}
	j.says(t, j.tool(kafkaConfigs, "--describe", "--all", "--entity-type", "brokers", "--entity-name", "1"), "auto.create.topics.enable=false")
}

// fill writes n records to each partition, and checks what kafka-get-offsets says.
func (j jvm) fill(t *testing.T, topic string, n int) {
	t.Helper()
	var input strings.Builder
	for i := range 5 * n {
		fmt.Fprintf(&input, "value %d\n", i)
	}
	// One record a batch, round robin: the partitions are filled evenly.
	run(t, j.tool(kafkaConsoleProducer, "--topic", topic, "--command-property", "partitioner.class=org.apache.kafka.clients.producer.RoundRobinPartitioner"), input.String())
	total := 0
	for line := range strings.Lines(run(t, j.tool(kafkaGetOffsets, "--topic", topic), "")) {
		var p, end int
		if _, err := fmt.Sscanf(line, topic+":%d:%d", &p, &end); err != nil {
			t.Fatalf("kafka-get-offsets prints %q", line)
		}
		total += end
	}
	if total != 5*n {
		t.Errorf("the partitions end at %d in sum, want %d", total, 5*n)
	}
	j.says(t, j.tool(kafkaGetOffsets, "--topic-partitions", topic+":0,"+topic+":4", "--time", "earliest"), topic+":0:0", topic+":4:0")
}

func movesOffsets(t *testing.T, j jvm, topic, group string) {
	t.Helper()
	groups := func(args ...string) string {
		t.Helper()
		return j.says(t, j.tool(kafkaConsumerGroups, args...))
	}
	want := func(out string, words ...string) {
		t.Helper()
		for _, w := range words {
			if !strings.Contains(out, w) {
				t.Errorf("%s\nwithout %q", out, w)
			}
		}
	}
	consume := j.tool(kafkaConsoleConsumer, "--topic", topic, "--group", group, "--from-beginning", "--max-messages", "250")
	if out := run(t, consume, ""); strings.Count(out, "value ") != 250 {
		t.Errorf("the console consumer printed %d records, want 250", strings.Count(out, "value "))
	}
	want(groups("--list"), group)
	want(groups("--list", "--state", "Empty"), group+" Empty")
	want(groups("--describe", "--group", group, "--state"), "Empty 0")
	groups("--describe", "--group", group, "--members", "--verbose")
	lag := func(n string) {
		t.Helper()
		out := groups("--describe", "--group", group)
		for p := range 5 {
			want(out, fmt.Sprintf("%s %s %d ", group, topic, p))
		}
		if got := sumOfLags(t, j, topic, group); got != n {
			t.Errorf("the group is %s records behind, want %s: %s", got, n, out)
		}
	}
	lag("0")
	reset := func(args ...string) string {
		t.Helper()
		return groups(append([]string{"--reset-offsets", "--group", group, "--topic", topic}, args...)...)
	}
	reset("--to-earliest", "--dry-run")
	lag("0")
	reset("--to-earliest", "--execute")
	lag("250")
	reset("--to-offset", "10", "--execute")
	lag("200")
	reset("--shift-by", "5", "--execute")
	lag("175")
	reset("--to-datetime", "2020-01-01T00:00:00.000", "--execute")
	lag("250")
	reset("--to-latest", "--execute")
	lag("0")
	want(groups("--delete-offsets", "--group", group, "--topic", topic+":0"), "Successful")
	want(groups("--delete", "--group", group), "was successful")
	if out := groups("--list"); strings.Contains(out, group) {
		t.Errorf("the group is still there: %s", out)
	}
}

// sumOfLags adds up the column LAG of kafka-consumer-groups --describe.
func sumOfLags(t *testing.T, j jvm, topic, group string) string {
	t.Helper()
	sum := 0
	for line := range strings.Lines(run(t, j.tool(kafkaConsumerGroups, "--describe", "--group", group), "")) {
		if f := strings.Fields(line); len(f) > 5 && f[0] == group && f[1] == topic {
			var n int
			if _, err := fmt.Sscan(f[5], &n); err != nil {
				t.Fatalf("the lag in %q: %v", line, err)
			}
			sum += n
		}
	}
	return fmt.Sprint(sum)
}

func deletesRecords(t *testing.T, j jvm, topic string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "offsets.json")
	text := fmt.Sprintf(`{"version":1,"partitions":[{"topic":%q,"partition":0,"offset":7},{"topic":%q,"partition":1,"offset":-1}]}`, topic, topic)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	j.says(t, j.tool(kafkaDeleteRecords, "--offset-json-file", file), "partition: operated-0 low_watermark: 7", "partition: operated-1 low_watermark: 50")
	j.says(t, j.tool(kafkaGetOffsets, "--topic", topic, "--time", "earliest"), "operated:0:7", "operated:1:50", "operated:2:0")
	out := run(t, j.tool(kafkaConsoleConsumer, "--topic", topic, "--partition", "0", "--offset", "earliest", "--max-messages", "43", "--formatter-property", "print.offset=true"), "")
	if !strings.HasPrefix(out, "Offset:7\t") || strings.Count(out, "\n") != 43 {
		t.Errorf("partition 0 does not begin at 7 with 43 records: %.200s", out)
	}
}

func deletesTopics(t *testing.T, j jvm, topic string) {
	t.Helper()
	j.says(t, j.tool(kafkaTopics, "--delete", "--topic", topic))
	if out := run(t, j.tool(kafkaTopics, "--list"), ""); strings.Contains(out, topic) {
		t.Errorf("the topic is still there: %s", out)
	}
	if _, err := try(j.tool(kafkaTopics, "--describe", "--topic", topic), ""); err == nil {
		t.Error("a deleted topic was described")
	}
}
