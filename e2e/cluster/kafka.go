package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Kafka is Apache Kafka in KRaft mode, every node broker and controller. The tests are proven
// against it, and the benchmarks compare with it.
type Kafka struct {
	Jars string // directory of kafka_2.13 with all it depends on, and a log4j2 binding
	// Stock leaves everything at Kafka's defaults: those of its start script for the JVM, and of the
	// broker but for what a cluster of three needs. Tests want a JVM that starts quickly and brokers
	// that notice each other's death sooner.
	Stock bool
}

// Name implements Flavor.
func (Kafka) Name() string { return "kafka" }

// What kafka-run-class.sh and kafka-server-start.sh give the JVM, and what the tests do.
var (
	stockJVM = []string{
		"-Xms1G", "-Xmx1G", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35",
		"-XX:+ExplicitGCInvokesConcurrent", "-Djava.awt.headless=true",
	}
	quickJVM = []string{"-Xms128m", "-Xmx512m", "-XX:TieredStopAtLevel=1"}
)

// quickBroker makes brokers notice failures sooner than by default.
var quickBroker = []string{
	"broker.session.timeout.ms=3000",
	"broker.heartbeat.interval.ms=300",
	"replica.lag.time.max.ms=3000",
	"leader.imbalance.check.interval.seconds=3",
	"leader.imbalance.per.broker.percentage=0",
}

const kafkaClusterID = "dHJvdXBlLWUyZS1rYWZrYQ"

// Command implements Flavor.
func (k Kafka) Command(c *Cluster, n *Node) (*exec.Cmd, error) {
	properties := filepath.Join(n.Dir, "server.properties")
	if _, err := os.Stat(properties); err == nil {
		return k.java(n, "kafka.Kafka", properties), nil
	}
	if err := k.prepare(c, n, properties); err != nil {
		return nil, err
	}
	format := k.java(n, "kafka.tools.StorageTool", "format", "--cluster-id", kafkaClusterID, "--config", properties)
	if out, err := format.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("kafka-storage format: %w\n%s", err, out)
	}
	return k.java(n, "kafka.Kafka", properties), nil
}

func (k Kafka) java(n *Node, main string, args ...string) *exec.Cmd {
	jvm := quickJVM
	if k.Stock && main == "kafka.Kafka" {
		jvm = stockJVM
	}
	program := []string{"-Dlog4j2.configurationFile=" + filepath.Join(n.Dir, "log4j2.xml"), "-cp", k.Jars + "/*", main}
	return exec.Command("java", slices.Concat(jvm, program, args)...)
}

func (k Kafka) prepare(c *Cluster, n *Node, properties string) error {
	var voters []string
	for _, p := range n.peers {
		voters = append(voters, fmt.Sprintf("%d@%s", p.ID, p.at(p.Ports.Control)))
	}
	rf := min(3, len(n.peers))
	lines := []string{
		"process.roles=broker,controller",
		fmt.Sprintf("node.id=%d", n.ID),
		"listeners=PLAINTEXT://" + n.Addr() + ",CONTROLLER://" + n.at(n.Ports.Control),
		"advertised.listeners=PLAINTEXT://" + n.Addr() + ",CONTROLLER://" + n.at(n.Ports.Control),
		"listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
		"controller.listener.names=CONTROLLER",
		"controller.quorum.voters=" + strings.Join(voters, ","),
		"log.dirs=" + n.Data(),
		fmt.Sprintf("offsets.topic.replication.factor=%d", rf),
		fmt.Sprintf("transaction.state.log.replication.factor=%d", rf),
		fmt.Sprintf("default.replication.factor=%d", rf),
		fmt.Sprintf("min.insync.replicas=%d", (rf+1)/2),
	}
	if !k.Stock {
		lines = append(lines, quickBroker...)
	}
	for name, value := range c.settings {
		lines = append(lines, name+"="+value)
	}
	log := `<Configuration><Appenders><Console name="C" target="SYSTEM_OUT"><PatternLayout pattern="%d{ABSOLUTE} %p %m (%c)%n%ex"/></Console></Appenders><Loggers><Root level="warn"><AppenderRef ref="C"/></Root></Loggers></Configuration>`
	return errors.Join(
		os.WriteFile(filepath.Join(n.Dir, "log4j2.xml"), []byte(log), 0o600),
		os.WriteFile(properties, []byte(strings.Join(lines, "\n")+"\n"), 0o600),
	)
}

// Ready implements Flavor: the node answers metadata and counts itself among the brokers.
func (Kafka) Ready(ctx context.Context, _ *Cluster, n *Node) error {
	resp, err := kmsg.NewPtrMetadataRequest().RequestWith(ctx, n.Broker())
	if err != nil {
		return err
	}
	for _, b := range resp.Brokers {
		if b.NodeID == n.ID {
			return nil
		}
	}
	return fmt.Errorf("node %d is not registered yet", n.ID)
}

// Replica implements Flavor by reading the partition's bytes from that node, leader or not
// (KIP-392).
func (Kafka) Replica(ctx context.Context, _ *Cluster, n *Node, topic string, partition int32) (Replica, error) {
	return n.readReplica(ctx, topic, partition)
}
