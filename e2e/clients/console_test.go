//go:build clients

package clients

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/troupe-mq/troupe/e2e/cluster"
)

// Names of the classes that the distribution's scripts start.
const (
	kafkaTopics          = "org.apache.kafka.tools.TopicCommand"
	kafkaConsoleProducer = "org.apache.kafka.tools.ConsoleProducer"
	kafkaConsoleConsumer = "org.apache.kafka.tools.consumer.ConsoleConsumer"
	kafkaConsumerGroups  = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
	kafkaConfigs         = "kafka.admin.ConfigCommand"
	kafkaGetOffsets      = "org.apache.kafka.tools.GetOffsetShell"
	kafkaDeleteRecords   = "org.apache.kafka.tools.DeleteRecordsCommand"
	kafkaAPIVersions     = "org.apache.kafka.tools.BrokerApiVersionsCommand"
	kafkaCluster         = "org.apache.kafka.tools.ClusterTool"
)

// console is Kafka's own tools as clients; what else they do is in tools_test.go.
func console(t *testing.T, c *cluster.Cluster) {
	j := newJVM(t, c)
	keepsContract(t, c, client{
		codecs: allCodecs,
		topics: func() *exec.Cmd { return j.tool(kafkaTopics, "--list") },
		create: func(topic string) *exec.Cmd {
			return j.tool(kafkaTopics, "--create", "--topic", topic, "--partitions", "3", "--replication-factor", "3")
		},
		produce: func(topic, codec string) *exec.Cmd {
			return j.tool(kafkaConsoleProducer, "--topic", topic, "--compression-codec", codec,
				"--command-property", "acks=all", "--reader-property", "parse.key=true")
		},
		consume: func(topic, group string) *exec.Cmd {
			return j.tool(kafkaConsoleConsumer, "--topic", topic, "--group", group, "--from-beginning", "--formatter-property", "print.partition=true",
				"--formatter-property", "print.offset=true", "--formatter-property", "print.key=true")
		},
	})
}

// tool is one of the console tools.
func (j jvm) tool(class string, args ...string) *exec.Cmd {
	return j.main("", class, append([]string{"--bootstrap-server", j.brokers}, args...)...)
}

// says runs a tool and wants each of the words somewhere in what it prints, where any space is as
// good as any other.
func (j jvm) says(t *testing.T, cmd *exec.Cmd, words ...string) string {
	t.Helper()
	out := strings.Join(strings.Fields(run(t, cmd, "")), " ")
	for _, w := range words {
		if !strings.Contains(out, w) {
			t.Errorf("%s\nprints\n%s\nwithout %q", strings.Join(cmd.Args[6:], " "), out, w)
		}
	}
	return out
}
