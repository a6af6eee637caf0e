//go:build clients

package clients

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/e2e/cluster"
)

// Names of the classes of the tools that operate a cluster.
const (
	kafkaReassign = "org.apache.kafka.tools.reassign.ReassignPartitionsCommand"
	kafkaElection = "org.apache.kafka.tools.LeaderElectionCommand"
	kafkaQuorum   = "org.apache.kafka.tools.MetadataQuorumCommand"
	kafkaFeatures = "org.apache.kafka.tools.FeatureCommand"
	kafkaLogDirs  = "org.apache.kafka.tools.LogDirsCommand"
)

// TestOperatorsTools operates a cluster of four with Kafka's tools, as they are.
func TestOperatorsTools(t *testing.T) {
	c := cluster.Start(t, 4)
	j := newJVM(t, c)
	c.CreateTopicAt("moved", []int32{1, 2, 3}, []int32{2, 3, 1})
	t.Run("features", func(t *testing.T) { features(t, j) })
	t.Run("elections", func(t *testing.T) { elections(t, j) })
	t.Run("reassignments", func(t *testing.T) { reassignments(t, c, j) })
	t.Run("log-dirs", func(t *testing.T) { logDirs(t, j) })
	t.Run("quorum", func(t *testing.T) { quorum(t, j) })
}

func features(t *testing.T, j jvm) {
	j.says(t, j.tool(kafkaFeatures, "describe"), "Feature: troupe.version SupportedMinVersion: 1 SupportedMaxVersion: 2 FinalizedVersionLevel: 2")
	j.says(t, j.tool(kafkaFeatures, "upgrade", "--feature", "troupe.version=2"), "troupe.version was upgraded to 2.")
	out, err := try(j.tool(kafkaFeatures, "upgrade", "--feature", "troupe.version=9"), "")
	if err == nil || !strings.Contains(out, "supports troupe.version from 1 to 2, not 9") {
		t.Errorf("a level that no build has: %v\n%s", err, out)
	}
}

func elections(t *testing.T, j jvm) {
	out := run(t, j.tool(kafkaElection, "--election-type", "preferred", "--all-topic-partitions"), "")
	if strings.Contains(out, "Error") {
		t.Errorf("preferred leaders: %s", out)
	}
	j.says(t, j.tool(kafkaElection, "--election-type", "preferred", "--topic", "moved", "--partition", "0"), "moved-0")
	j.says(t, j.tool(kafkaElection, "--election-type", "unclean", "--topic", "moved", "--partition", "1"), "Valid replica already elected for partitions moved-1")
}

// plan writes a file of reassignments.
func plan(t *testing.T, topic string, replicas ...[]int32) string {
	t.Helper()
	type partition struct {
		Topic     string  `json:"topic"`
		Partition int     `json:"partition"`
		Replicas  []int32 `json:"replicas"`
	}
	var all []partition
	for i, r := range replicas {
		all = append(all, partition{topic, i, r})
	}
	text, err := json.Marshal(map[string]any{"version": 1, "partitions": all})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "plan.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func reassignments(t *testing.T, c *cluster.Cluster, j jvm) {
	topics := filepath.Join(t.TempDir(), "topics.json")
	if err := os.WriteFile(topics, []byte(`{"topics":[{"topic":"moved"}],"version":1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	j.says(t, j.tool(kafkaReassign, "--generate", "--topics-to-move-json-file", topics, "--broker-list", "2,3,4"), "Current partition replica assignment", "Proposed partition reassignment configuration")
	// As even as the cluster would have it: it moves replicas by itself when they are not.
	file := plan(t, "moved", []int32{4, 2, 3}, []int32{2, 1, 4})
	// The topic began uneven: while the cluster moves a replica of its own accord, the tool refuses.
	cluster.Eventually(t, 120*time.Second, "the reassignment is started", func(context.Context) error {
		out, err := try(j.tool(kafkaReassign, "--execute", "--reassignment-json-file", file, "--throttle", "50000000"), "")
		if err != nil || !strings.Contains(out, "Successfully started partition reassignments for moved-0,moved-1") {
			return fmt.Errorf("%v: %s", err, out)
		}
		return nil
	})
	cluster.Eventually(t, 120*time.Second, "the reassignment is complete", func(context.Context) error {
		out, err := try(j.tool(kafkaReassign, "--verify", "--reassignment-json-file", file), "")
		if err != nil || !strings.Contains(out, "Reassignment of partition moved-0 is completed.") || !strings.Contains(out, "Reassignment of partition moved-1 is completed.") {
			return fmt.Errorf("%v: %s", err, out)
		}
		return nil
	})
	j.says(t, j.tool(kafkaReassign, "--list"), "No partition reassignments found.")
	c.WaitTopic("moved", "moved replicas", func(topic kmsg.MetadataResponseTopic) error {
		if got := fmt.Sprint(topic.Partitions[0].Replicas, topic.Partitions[1].Replicas, topic.Partitions[0].Leader); got != "[4 2 3] [2 1 4] 4" {
			return fmt.Errorf("replicas and the first leader are %s", got)
		}
		return nil
	})
	// One that is over cannot be called off.
	if out, err := try(j.tool(kafkaReassign, "--cancel", "--reassignment-json-file", file), ""); err == nil && strings.Contains(out, "Successfully cancelled") {
		t.Errorf("a reassignment that is over was called off: %s", out)
	}
}

func logDirs(t *testing.T, j jvm) {
	j.fillOne(t, "moved", 100)
	out := j.says(t, j.tool(kafkaLogDirs, "--describe", "--broker-list", "2,3", "--topic-list", "moved"), `"partition":"moved-0"`, `"partition":"moved-1"`, `"isFuture":false`)
	if !regexp.MustCompile(`"size":[1-9]`).MatchString(out) {
		t.Errorf("no partition has a size: %s", out)
	}
}

// fillOne writes n records.
func (j jvm) fillOne(t *testing.T, topic string, n int) {
	t.Helper()
	var input strings.Builder
	for i := range n {
		fmt.Fprintf(&input, "value %d\n", i)
	}
	run(t, j.tool(kafkaConsoleProducer, "--topic", topic), input.String())
}

// controller writes what kafka-metadata-quorum reads of a controller that is to vote: its
// configuration and the properties of its log directory.
func controller(t *testing.T, id, directory string) string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "controller.properties")
	for name, text := range map[string]string{
		"meta.properties": "version=1\ncluster.id=\nnode.id=" + id + "\ndirectory.id=" + directory + "\n",
		"controller.properties": "process.roles=controller\nnode.id=" + id + "\nlisteners=CONTROLLER://127.0.0.1:1\ncontroller.listener.names=CONTROLLER\n" +
			"controller.quorum.bootstrap.servers=127.0.0.1:1\nlog.dirs=" + dir + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return file
}

func quorum(t *testing.T, j jvm) {
	j.says(t, j.tool(kafkaQuorum, "describe", "--status"), "ClusterId:", "LeaderId:", "CurrentVoters:", "CurrentObservers:")
	out := run(t, j.tool(kafkaQuorum, "describe", "--replication"), "")
	if strings.Count(out, "Follower") != 2 || !regexp.MustCompile(`(?m)\tLeader\s*$`).MatchString(out) || strings.Count(out, "Observer") != 1 {
		t.Errorf("of four nodes one leads, two follow and one observes:\n%s", out)
	}
	var voter, directory, observer, observed string
	for line := range strings.Lines(out) {
		switch f := strings.Fields(line); {
		case len(f) > 2 && strings.Contains(line, "Follower"):
			voter, directory = f[0], f[1]
		case len(f) > 2 && strings.Contains(line, "Observer"):
			observer, observed = f[0], f[1]
		}
	}
	// A fourth voter is refused, and the tool says what to do instead.
	out, err := try(j.tool(kafkaQuorum, "--command-config", controller(t, observer, observed), "add-controller"), "")
	if err == nil || !strings.Contains(out, "remove another voter") {
		t.Errorf("a fourth voter: %v\n%s", err, out)
	}
	// A voter other than the leader makes room for the observer.
	run(t, j.tool(kafkaQuorum, "remove-controller", "--controller-id", voter, "--controller-directory-id", directory), "")
	cluster.Eventually(t, 60*time.Second, "the observer votes in its place", func(context.Context) error {
		out, err := try(j.tool(kafkaQuorum, "describe", "--replication"), "")
		if err != nil {
			return err
		}
		for line := range strings.Lines(out) {
			if f := strings.Fields(line); len(f) > 2 && f[0] == voter && !strings.Contains(line, "Observer") {
				return fmt.Errorf("node %s still votes:\n%s", voter, out)
			}
		}
		if strings.Count(out, "Follower") != 2 {
			return fmt.Errorf("not three vote:\n%s", out)
		}
		return nil
	})
}
