package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/troupe-mq/troupe/actors/node"
	"github.com/troupe-mq/troupe/actors/supervisor"
	"github.com/troupe-mq/troupe/e2e/cluster"
	"github.com/troupe-mq/troupe/e2e/history"
	"github.com/troupe-mq/troupe/e2e/load"
)

// movesAt is `troupe cluster moves --json` at a node.
func movesAt(t *testing.T, n *cluster.Node) (s node.ClusterStatus, err error) {
	t.Helper()
	out, code := operator(t, n, "cluster", "moves", "--json")
	if code != 0 {
		return s, fmt.Errorf("%s", out)
	}
	return s, json.Unmarshal([]byte(out), &s)
}

// waitSpread waits until nothing moves and the nodes have as many replicas and preferred leaders as
// one another, give or take one.
func waitSpread(t *testing.T, asked *cluster.Node, nodes ...int32) {
	t.Helper()
	cluster.Eventually(t, 90*time.Second, fmt.Sprintf("replicas and leaders spread over nodes %v", nodes), func(context.Context) error {
		s, err := movesAt(t, asked)
		if err != nil {
			return err
		}
		var ids, replicas, leaders []int
		for _, n := range s.Nodes {
			ids, replicas, leaders = append(ids, int(n.ID)), append(replicas, n.Replicas), append(leaders, n.Leaders)
		}
		if len(s.Moving)+len(s.Planned) > 0 || len(ids) != len(nodes) ||
			slices.Max(replicas)-slices.Min(replicas) > 1 || slices.Max(leaders)-slices.Min(leaders) > 1 {
			return fmt.Errorf("nodes %v have %v replicas and lead %v; moving %+v, %d planned", ids, replicas, leaders, s.Moving, len(s.Planned))
		}
		return nil
	})
}

// A fourth node gets its share and another one leaves, while producers and a group work;
// both are seen in progress. The node that left ends by itself and is not let in again with what is
// on its disk.
func TestNodesComeAndGo(t *testing.T) {
	c := cluster.Start(t, 3)
	onlyTroupe(t, c)
	c.CreateTopic("moved", 6, 3)
	rec := history.NewRecorder()
	producers := load.Start(t, c, rec, load.Config{Topic: "moved", Partitions: 6, Producers: 2, Interval: 2 * time.Millisecond})
	group := load.StartGroup(t, c, rec, load.GroupConfig{Group: "moved", Topic: "moved", Members: 2})
	unwatch := load.Watch(t, c, rec, "moved")
	producers.Wait(500, 30*time.Second)

	fourth := c.Add()
	fourth.Join(c.Node(1))
	fourth.Start()
	c.WaitReady()
	waitSpread(t, c.Node(1), 1, 2, 3, 4)

	leaving := c.Node(2)
	if out, code := operator(t, c.Node(1), "cluster", "decommission", "2"); code != 0 {
		t.Fatalf("decommission: %s", out)
	}
	seen := watchLeaving(t, c.Node(1), 2)
	t.Logf("node 2 was seen leaving with so many partitions left: %v", seen)
	if len(seen) < 2 || seen[0] < 2 {
		t.Errorf("the progress of a node that leaves was not to be seen: %v", seen)
	}
	if code, out := leaving.WaitExit(30 * time.Second); code != 0 || !strings.Contains(out, "removed from the cluster") {
		t.Fatalf("node 2 ended with code %d:\n%s", code, out)
	}
	waitSpread(t, c.Node(1), 1, 3, 4)

	leaving.Start()
	if code, out := leaving.WaitExit(30 * time.Second); code != 1 || !strings.Contains(out, "cannot come back under its old identity") {
		t.Errorf("node 2 came back with code %d:\n%s", code, out)
	}
	producers.StopClean(60 * time.Second)
	group.WaitAll(rec, 60*time.Second)
	group.Stop()
	unwatch()
	gap, _ := rec.History().Gap()
	t.Logf("longest time without an acknowledgement %s", gap)
	load.Check(t, c, rec, "moved")
}

// watchLeaving returns how many partitions a node had left as it was emptied, until it is removed.
func watchLeaving(t *testing.T, asked *cluster.Node, id int32) (left []int) {
	t.Helper()
	cluster.Eventually(t, 90*time.Second, fmt.Sprintf("node %d is removed", id), func(context.Context) error {
		s, err := movesAt(t, asked)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(s.Nodes, func(n supervisor.NodeStatus) bool { return n.ID == id })
		if at < 0 {
			return nil
		}
		if d := s.Nodes[at].Drain; d != nil && (len(left) == 0 || left[len(left)-1] != d.Partitions) {
			left = append(left, d.Partitions)
		}
		return fmt.Errorf("%+v, moving %+v", s.Nodes[at].Drain, s.Moving)
	})
	return left
}

// A node whose disk is lost comes back with an empty one once the operator has said so, and holds
// all again. What cannot be is refused with a message that says what to do, and changes nothing.
func TestALostDiskIsReplaced(t *testing.T) {
	c := cluster.Start(t, 3)
	onlyTroupe(t, c)
	c.CreateTopic("kept", 3, 3)
	rec := history.NewRecorder()
	producers := load.Start(t, c, rec, load.Config{Topic: "kept", Partitions: 3, Producers: 2})
	producers.Wait(200, 30*time.Second)

	if out, code := operator(t, c.Node(1), "cluster", "decommission", "3"); code != 1 || !strings.Contains(out, "add a node first") {
		t.Errorf("the last home of a replica is decommissioned with code %d: %s", code, out)
	}
	used := c.Add()
	used.Join(c.Node(1))
	used.Args("--node.id=2")
	used.Start()
	if code, out := used.WaitExit(30 * time.Second); code != 1 || !strings.Contains(out, "node id 2 is taken") {
		t.Errorf("a node with an id that is taken ended with code %d:\n%s", code, out)
	}

	third := c.Node(3)
	third.Kill()
	if err := os.RemoveAll(third.Data()); err != nil {
		t.Fatal(err)
	}
	third.Start()
	if code, out := third.WaitExit(30 * time.Second); code != 1 || !strings.Contains(out, "troupe cluster replace 3") {
		t.Fatalf("a node with an empty disk ended with code %d:\n%s", code, out)
	}
	if out, code := operator(t, c.Node(1), "cluster", "replace", "3"); code != 0 {
		t.Fatalf("replace: %s", out)
	}
	third.Start()
	c.WaitReady()
	waitSpread(t, c.Node(1), 1, 2, 3)
	producers.StopClean(60 * time.Second)
	load.Check(t, c, rec, "kept")
}

// A node that belongs to a cluster does not join another one.
func TestANodeOfAnotherClusterIsRefused(t *testing.T) {
	here, other := cluster.Start(t, 1), cluster.Start(t, 1, cluster.NoVerify())
	onlyTroupe(t, here)
	stray := other.Node(1)
	stray.Stop()
	stray.Join(here.Node(1))
	stray.Start()
	if code, out := stray.WaitExit(30 * time.Second); code != 1 || !strings.Contains(out, "is of another cluster") {
		t.Fatalf("it ended with code %d:\n%s", code, out)
	}
}
