package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/troupe-mq/troupe/actors/health"
	"github.com/troupe-mq/troupe/actors/node"
	"github.com/troupe-mq/troupe/actors/supervisor"
	"github.com/troupe-mq/troupe/e2e/cluster"
	"github.com/troupe-mq/troupe/e2e/history"
	"github.com/troupe-mq/troupe/e2e/load"
)

// atWork is a producer and a consumer group at work on a topic while something is done to the
// cluster.
type atWork struct {
	c         *cluster.Cluster
	topic     string
	rec       *history.Recorder
	producers *load.Producers
	group     *load.Group
	unwatch   func()
}

// startWork makes a topic of six partitions with three replicas each, and has clients work with it.
func startWork(t *testing.T, c *cluster.Cluster, topic string) *atWork {
	t.Helper()
	c.CreateTopic(topic, 6, 3)
	w := &atWork{c: c, topic: topic, rec: history.NewRecorder()}
	w.producers = load.Start(t, c, w.rec, load.Config{Topic: topic, Partitions: 6, Producers: 2})
	w.group = load.StartGroup(t, c, w.rec, load.GroupConfig{Group: topic, Topic: topic, Members: 2})
	w.unwatch = load.Watch(t, c, w.rec, topic)
	w.producers.Wait(100, 30*time.Second)
	w.group.Wait(100, 30*time.Second)
	return w
}

// finish checks that neither producers nor consumers saw an error, and that nothing acknowledged is
// lost.
func (w *atWork) finish(t *testing.T) {
	t.Helper()
	w.producers.Wait(50, 30*time.Second)
	w.producers.StopClean(60 * time.Second)
	w.group.WaitAll(w.rec, 60*time.Second)
	w.group.Stop()
	for _, err := range w.group.Errs() {
		t.Errorf("a consumer saw %v", err)
	}
	w.unwatch()
	gap, _ := w.rec.History().Gap()
	t.Logf("longest time without an acknowledgement %s", gap)
	load.Check(t, w.c, w.rec, w.topic)
}

// A node that is dead, and will not come back, is decommissioned: the others give its replicas new
// homes from what they have, the cluster forgets it, and when it comes back after all it is not let
// in under its old identity.
func TestADeadNodeIsDecommissioned(t *testing.T) {
	c := cluster.Start(t, 4)
	onlyTroupe(t, c)
	w := startWork(t, c, "buried")
	waitSpread(t, c.Node(1), 1, 2, 3, 4)

	dead := c.Node(4)
	dead.Kill()
	// it may have led the metadata
	cluster.Eventually(t, 30*time.Second, "node 4 is to leave", func(context.Context) error {
		if out, code := operator(t, c.Node(1), "cluster", "decommission", "4"); code != 0 {
			return fmt.Errorf("exit code %d: %s", code, out)
		}
		return nil
	})
	t.Logf("node 4 was seen leaving with so many partitions left: %v", watchLeaving(t, c.Node(1), 4))
	waitSpread(t, c.Node(1), 1, 2, 3)
	waitHealthy(t, c.Node(1))
	for _, n := range healthAt(t, c.Node(1)).Nodes {
		if n.Replicas < 6 || !n.Votes {
			t.Errorf("after node 4 is gone: %+v", n)
		}
	}

	dead.Start()
	if code, out := dead.WaitExit(30 * time.Second); code != 1 || !strings.Contains(out, "cannot come back under its old identity") {
		t.Errorf("node 4 came back with code %d:\n%s", code, out)
	}
	w.finish(t)
}

// A decommission is cancelled when half of the partitions have left: the node gets its share again,
// and leads again.
func TestADecommissionIsCancelled(t *testing.T) {
	c := cluster.Start(t, 4)
	onlyTroupe(t, c)
	w := startWork(t, c, "kept")
	c.CreateTopic("many", 42, 3) // more than move at once, so that there is a half way
	waitSpread(t, c.Node(1), 1, 2, 3, 4)
	if out, code := operator(t, c.Node(1), "cluster", "decommission", "2", "--cancel"); code != 1 || !strings.Contains(out, "is not being decommissioned") {
		t.Errorf("what was not begun is cancelled with code %d: %s", code, out)
	}

	before := c.Node(2).Pid()
	if out, code := operator(t, c.Node(1), "cluster", "decommission", "2"); code != 0 {
		t.Fatalf("decommission: %s", out)
	}
	left, most := waitHalfWay(t, c.Node(1), 2)
	if out, code := operator(t, c.Node(1), "cluster", "decommission", "2", "--cancel"); code != 0 {
		t.Fatalf("cancel: %s", out)
	}
	t.Logf("cancelled when node 2 had %d of %d partitions left", left, most)
	waitSpread(t, c.Node(1), 1, 2, 3, 4)
	cluster.Eventually(t, 60*time.Second, "node 2 leads again", func(ctx context.Context) error {
		h, err := c.Node(1).Health(ctx)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(h.Nodes, func(n health.Node) bool { return n.ID == 2 })
		if at < 0 || h.Nodes[at].State != "active" || h.Nodes[at].Leaders < 48/4-1 {
			return fmt.Errorf("%+v", h.Nodes)
		}
		return nil
	})
	if c.Node(2).Pid() != before || !c.Node(2).Running() {
		t.Error("node 2 was restarted")
	}
	w.finish(t)
}

// waitHalfWay waits until a good part of a node's partitions have left it and others have not.
func waitHalfWay(t *testing.T, asked *cluster.Node, id int32) (left, most int) {
	t.Helper()
	cluster.Eventually(t, 60*time.Second, fmt.Sprintf("node %d has lost a good part of its partitions", id), func(ctx context.Context) error {
		body, err := asked.Get(ctx, "/admin/moves")
		if err != nil {
			return err
		}
		var s node.ClusterStatus
		if err := json.Unmarshal(body, &s); err != nil {
			return err
		}
		at := slices.IndexFunc(s.Nodes, func(n supervisor.NodeStatus) bool { return n.ID == id })
		if at < 0 {
			t.Fatalf("node %d is gone: %+v", id, s.Nodes)
		}
		if d := s.Nodes[at].Drain; d != nil {
			most, left = max(most, d.Partitions), d.Partitions
		}
		if most == 0 || left > most*3/4 {
			return fmt.Errorf("%d partitions are left of %d", left, most)
		}
		return nil
	})
	return left, most
}
