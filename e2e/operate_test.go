package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/health"
	"github.com/troupe-mq/troupe/e2e/cluster"
	"github.com/troupe-mq/troupe/e2e/history"
	"github.com/troupe-mq/troupe/e2e/load"
)

// operator runs the binary's command against a node and returns what it prints and its exit code.
func operator(t *testing.T, n *cluster.Node, args ...string) (string, int) {
	t.Helper()
	bin, err := cluster.Binary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(within(t, 60*time.Second), bin, append(args, fmt.Sprintf("--address=127.0.0.1:%d", n.Ports.Metrics))...)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatalf("troupe %s: %v", strings.Join(args, " "), err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// healthAt is `troupe cluster status --json` at a node.
func healthAt(t *testing.T, n *cluster.Node) health.Cluster {
	t.Helper()
	out, _ := operator(t, n, "cluster", "status", "--json")
	var c health.Cluster
	if err := json.NewDecoder(strings.NewReader(out)).Decode(&c); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	return c
}

func waitHealthy(t *testing.T, n *cluster.Node) {
	t.Helper()
	cluster.Eventually(t, 45*time.Second, "a healthy cluster", func(context.Context) error {
		if c := healthAt(t, n); !c.Healthy {
			return fmt.Errorf("%+v", c.Problems)
		}
		return nil
	})
}

// waitMayStop asks one node until it says that another can be stopped.
func waitMayStop(t *testing.T, asked, n *cluster.Node) {
	t.Helper()
	cluster.Eventually(t, 45*time.Second, fmt.Sprintf("node %d can be stopped", n.ID), func(context.Context) error {
		if out, code := operator(t, asked, "cluster", "can-restart", fmt.Sprint(n.ID)); code != 0 {
			return fmt.Errorf("%s", out)
		}
		return nil
	})
}

// Every node is restarted, one after the other, as an operator does it who asks whether
// it is safe, while producers and a group work: nobody sees an error that the clients' retries do
// not absorb.
func TestRollingRestart(t *testing.T) {
	c := cluster.Start(t, 3)
	onlyTroupe(t, c)
	for _, topic := range []string{"rolled", "rolled.plain"} {
		c.CreateTopic(topic, 3, 3)
	}
	rec := history.NewRecorder()
	producers := load.Start(t, c, rec, load.Config{Topic: "rolled", Partitions: 3, Producers: 2})
	plain := load.Start(t, c, rec, load.Config{Topic: "rolled.plain", Partitions: 3, Plain: true})
	group := load.StartGroup(t, c, rec, load.GroupConfig{Group: "rolled", Topic: "rolled", Members: 2})
	unwatch := load.Watch(t, c, rec, "rolled")
	producers.Wait(100, 30*time.Second)
	group.Wait(100, 30*time.Second)

	for _, n := range c.Nodes {
		waitMayStop(t, c.Node(n.ID%3+1), n)
		n.Stop()
		handsOver(t, n)
		n.Restart()
		producers.Wait(50, 30*time.Second)
	}

	c.WaitInSync("rolled")
	producers.StopClean(60 * time.Second)
	plain.StopClean(60 * time.Second)
	group.WaitAll(rec, 60*time.Second)
	group.Stop()
	for _, err := range group.Errs() {
		t.Errorf("a consumer saw %v", err)
	}
	unwatch()
	gap, from := rec.History().Gap()
	t.Logf("longest time without an acknowledgement %s, from %s", gap, from.Format("15:04:05.000"))
	load.Check(t, c, rec, "rolled", "rolled.plain")
}

var handedOver = regexp.MustCompile(`leaderships were handed over.* handed=(\d+) longest=(\S+) took=(\S+) left=(\d+)`)

// handsOver: a node that has stopped says how it handed its leaderships over. On a calm machine
// each takes far less than 100 ms; on any, none is left behind, and none takes an election's time
// more than once.
func handsOver(t *testing.T, n *cluster.Node) {
	t.Helper()
	found := n.LogFinds(handedOver)
	if found == nil {
		t.Errorf("node %d does not say how it handed its leaderships over:\n%s", n.ID, n.Tail(20))
		return
	}
	t.Logf("node %d handed %s leaderships over in %s, each within %s", n.ID, found[1], found[3], found[2])
	longest, err := time.ParseDuration(found[2])
	took, err2 := time.ParseDuration(found[3])
	if err := errors.Join(err, err2); err != nil || longest > 5*time.Second || took > 7500*time.Millisecond || found[1] == "0" || found[4] != "0" {
		t.Errorf("node %d: %s (%v)", n.ID, found[0], err)
	}
}

// An operator looks at the cluster, takes a node out of the lead for as long as it needs, and is
// told what is wrong when something is.
func TestOperator(t *testing.T) {
	c := cluster.Start(t, 3)
	onlyTroupe(t, c)
	c.CreateTopic("nine", 9, 3)
	waitEven(t, c)
	waitHealthy(t, c.Node(1))
	out, code := operator(t, c.Node(2), "cluster", "status")
	if code != 0 || !strings.Contains(out, ": healthy;") || strings.Count(out, "  active  ") != 3 {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	maintain(t, c)
	twoOfThreeDown(t, c)
}

// maintain: leaderships leave the node, stay away over its restart, and return.
func maintain(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	n := c.Node(2)
	rec := history.NewRecorder()
	producers := load.Start(t, c, rec, load.Config{Topic: "nine", Partitions: 9})
	producers.Wait(100, 30*time.Second)
	if out, code := operator(t, c.Node(3), "cluster", "maintenance", "on", "2"); code != 0 {
		t.Fatalf("exit code %d: %s", code, out)
	}
	leadsNothing := func(context.Context) error {
		for _, at := range healthAt(t, c.Node(1)).Nodes {
			if at.ID == n.ID && (at.Leaders != 0 || at.State != "maintenance" || at.Replicas != 9) {
				return fmt.Errorf("%+v", at)
			}
		}
		return nil
	}
	cluster.Eventually(t, 20*time.Second, "the node leads nothing", leadsNothing)
	waitMayStop(t, c.Node(3), n)
	n.Stop()
	n.Restart()
	c.WaitInSync("nine")
	cluster.Holds(t, 4*time.Second, "it goes on to lead nothing", leadsNothing)
	cluster.Eventually(t, 20*time.Second, "a node in maintenance is told of, and no fault", func(context.Context) error {
		if out, code := operator(t, c.Node(1), "cluster", "status"); code != 0 || !strings.Contains(out, "maintenance") {
			return fmt.Errorf("exit code %d:\n%s", code, out)
		}
		return nil
	})
	if out, code := operator(t, n, "cluster", "maintenance", "off", "2"); code != 0 {
		t.Fatalf("exit code %d: %s", code, out)
	}
	waitEven(t, c)
	producers.StopClean(30 * time.Second)
	load.Check(t, c, rec, "nine")
}

// twoOfThreeDown: what is wrong is named, with the reason, by the node that is left.
func twoOfThreeDown(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	waitHealthy(t, c.Node(1))
	c.Node(3).Kill()
	cluster.Eventually(t, 20*time.Second, "a second node is not to be stopped", func(context.Context) error {
		out, code := operator(t, c.Node(1), "cluster", "can-restart", "2")
		if code != 1 || !strings.Contains(out, "__meta: 1 of 3 voters are in sync without it, 2 are needed; not in sync: node 3 (down)") || strings.Count(out, "nine-") != 9 {
			return fmt.Errorf("exit code %d: %s", code, out)
		}
		return nil
	})
	c.Node(2).Kill()
	cluster.Eventually(t, 30*time.Second, "what waits names itself", func(context.Context) error {
		h := healthAt(t, c.Node(1))
		named := slices.ContainsFunc(h.Problems, func(p health.Problem) bool {
			return p.Kind == health.Waiting && p.Partition == "nine-4" && p.Reason == "waiting for quorum: nodes [2 3], which are down" && p.MS >= health.SlowAfter
		})
		if !named || h.Healthy || h.Partitions.Leaderless != 10 {
			return fmt.Errorf("%+v", h)
		}
		return nil
	})
	if out, code := operator(t, c.Node(1), "cluster", "status"); code != 1 || !strings.Contains(out, "NOT healthy; metadata led by none known") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	c.Node(2).Restart()
	c.Node(3).Restart()
	c.WaitTopic("nine", "leaders", func(kmsg.MetadataResponseTopic) error { return nil })
	waitHealthy(t, c.Node(2))
}
