package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/e2e/cluster"
	"github.com/troupe-mq/troupe/e2e/history"
	"github.com/troupe-mq/troupe/e2e/load"
)

// Any order, with delays, a restart in between.
func TestNodesFormOneClusterInAnyOrder(t *testing.T) {
	for _, order := range [][3]int32{{3, 1, 2}, {2, 3, 1}} {
		t.Run(fmt.Sprint(order), func(t *testing.T) {
			c := cluster.New(t, 3)
			first := c.Node(order[0])
			first.Start()
			neverReady(t, first)
			c.Node(order[1]).Start()
			first.Kill() // while the others look for it
			first.Start()
			c.Node(order[2]).Start()
			c.WaitReady()
			oneCluster(t, c)
			c.CreateTopic("formed", 3, 3)
		})
	}
}

// neverReady: a node that is alone among three must not let clients in.
func neverReady(t *testing.T, n *cluster.Node) {
	t.Helper()
	cluster.Holds(t, 2*time.Second, "a node alone is not ready", func(ctx context.Context) error {
		if n.Ready(ctx) == nil {
			return errors.New("it is")
		}
		if !n.Running() {
			return fmt.Errorf("it ended: %s", n.Tail(10))
		}
		return nil
	})
}

// oneCluster: every node tells the same cluster id, the same nodes and the same controller.
func oneCluster(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	c.Controller()
	cluster.Eventually(t, 10*time.Second, "one cluster", func(ctx context.Context) error {
		var first string
		for _, n := range c.Nodes {
			resp, err := kmsg.NewPtrMetadataRequest().RequestWith(ctx, n.Broker())
			if err != nil {
				return err
			}
			if resp.ClusterID == nil || len(resp.Brokers) != len(c.Nodes) {
				return fmt.Errorf("node %d knows %d nodes", n.ID, len(resp.Brokers))
			}
			if first == "" {
				first = *resp.ClusterID
			}
			if *resp.ClusterID != first {
				return fmt.Errorf("node %d is of cluster %s, node %d of %s", c.Nodes[0].ID, first, n.ID, *resp.ClusterID)
			}
		}
		return nil
	})
}

// Another list of peers is refused, and both lists are named.
func TestAnotherPeerListIsRefused(t *testing.T) {
	c := cluster.Start(t, 3)
	onlyTroupe(t, c)
	theirs := fmt.Sprintf("1@127.0.0.1:%d,2@127.0.0.1:%d,3@127.0.0.1:%d", c.Node(1).Ports.Control, c.Node(2).Ports.Control, c.Node(3).Ports.Control)
	fourth := c.Add()
	fourth.Peers(c.Nodes...)
	fourth.Start()
	code, output := fourth.WaitExit(20 * time.Second)
	if code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	ours := fmt.Sprintf("%s,4@127.0.0.1:%d", theirs, fourth.Ports.Control)
	last := output[strings.LastIndex(strings.TrimRight(output, "\n"), "\n")+1:]
	if !strings.Contains(last, "["+theirs+"]") || !strings.Contains(last, "["+ours+"]") {
		t.Errorf("the error does not name both lists:\n%s\n%s\nit is:\n%s", theirs, ours, last)
	}
	resp, err := kmsg.NewPtrMetadataRequest().RequestWith(within(t, 10*time.Second), c.Node(1).Broker())
	if err != nil || len(resp.Brokers) != 3 {
		t.Errorf("the cluster is not what it was: %d nodes, %v", len(resp.Brokers), err)
	}
}

// What is acknowledged is on every replica, byte for byte.
func TestTenRecordsOnEveryReplica(t *testing.T) {
	c := cluster.Start(t, 3)
	c.CreateTopic("ten", 1, 3)
	records, values := numbered("ten", 0, "record", 10)
	produce(t, c.Client(manual()), records...)
	wantExactly(t, c, "ten", 0, values)
	c.WaitReplicas("ten", 0, 10)
}

// One story, because each step starts from what the one before left.
func TestLeadersStopAndDie(t *testing.T) {
	c := cluster.Start(t, 3)
	c.CreateTopic("one", 1, 3)
	rec := history.NewRecorder()
	unwatch := load.Watch(t, c, rec, "one")

	stopped := stopLeader(t, c)
	stopped.Restart()
	c.WaitInSync("one")

	killed := killLeader(t, c, rec)
	killed.Restart()
	c.WaitInSync("one")

	for _, n := range []*cluster.Node{stopped, killed} {
		comesBack(t, c, rec, n)
	}
	unwatch()
	load.Check(t, c, rec, "one")
}

// stopLeader is 1.3: a producer running throughout sees no error and no gap above 1 s, a group no
// error and no record less. They have a topic of their own, so that the gap is of this step alone.
func stopLeader(t *testing.T, c *cluster.Cluster) *cluster.Node {
	t.Helper()
	t.Log("1.3: SIGTERM the leader")
	rec := history.NewRecorder()
	c.CreateTopic("stopped", 1, 3)
	p := load.Start(t, c, rec, load.Config{Topic: "stopped", Partitions: 1})
	group := load.StartGroup(t, c, rec, load.GroupConfig{Group: "stopped", Topic: "stopped", Members: 2})
	p.Wait(100, 30*time.Second)
	group.Wait(100, 30*time.Second)
	leader := c.Leader("stopped", 0)
	leader.Stop()
	p.Wait(200, 30*time.Second)
	p.StopClean(30 * time.Second)
	group.WaitAll(rec, 60*time.Second)
	group.Stop()
	for _, err := range group.Errs() {
		t.Errorf("a consumer saw %v", err)
	}
	if next := c.Leader("stopped", 0); next == leader {
		t.Errorf("node %d still leads", leader.ID)
	}
	gap, from := rec.History().Gap()
	t.Logf("longest gap %s, from %s", gap, from.Format("15:04:05.000"))
	if gap > time.Second && c.Flavor() == "troupe" {
		t.Errorf("nothing was acknowledged for %s from %s, want at most 1s; the stopped node's last lines:\n%s", gap, from.Format("15:04:05.000"), leader.Tail(20))
	}
	load.Check(t, c, rec, "stopped")
	return leader
}

// killLeader is 1.4.
func killLeader(t *testing.T, c *cluster.Cluster, rec *history.Recorder) *cluster.Node {
	t.Helper()
	t.Log("1.4: SIGKILL the leader while 10,000 records flow")
	const n = 10_000
	p := load.Start(t, c, rec, load.Config{Topic: "one", Partitions: 1, Limit: n, Interval: 200 * time.Microsecond})
	p.Wait(n/4, 60*time.Second)
	leader := c.Leader("one", 0)
	leader.Kill()
	p.StopClean(90 * time.Second)
	if acked := rec.History().Acked(); acked != n {
		t.Errorf("%d records acknowledged, want %d", acked, n)
	}
	if end := c.End("one", 0); end != n {
		t.Errorf("the log ends at %d, want %d: exactly what was sent, nothing twice", end, n)
	}
	return leader
}

// comesBack is 1.5 for a node that was away: with a third node dead, records commit only if this
// one votes; and then, as the third lacks these records, this is the only one that can be elected
// when the leader stops.
func comesBack(t *testing.T, c *cluster.Cluster, rec *history.Recorder, n *cluster.Node) {
	t.Helper()
	leader := c.Leader("one", 0)
	third := c.Node(n.ID%3 + 1)
	if third == leader {
		third = c.Node(leader.ID%3 + 1)
	}
	third.Kill()
	p := load.Start(t, c, rec, load.Config{Topic: "one", Partitions: 1, Limit: 100})
	p.StopClean(60 * time.Second)
	t.Logf("1.5: node %d votes", n.ID)
	if leader == n { // it may hand leadership to the preferred replica any moment
		third.Restart()
	} else {
		leader.Stop()
		third.Restart()
		if now := c.Leader("one", 0); now != n {
			t.Errorf("node %d leads, want %d, which alone has every record", now.ID, n.ID)
		}
		leader.Restart()
	}
	t.Logf("1.5: node %d leads again", n.ID)
	c.WaitInSync("one")
}

// Two of three are gone while records flow: nothing is acknowledged, nothing is lost, and it goes
// on when one is back.
func TestBelowQuorumNothingIsAcknowledged(t *testing.T) {
	c := cluster.Start(t, 3)
	c.CreateTopic("quorum", 1, 3)
	rec := history.NewRecorder()
	p := load.Start(t, c, rec, load.Config{Topic: "quorum", Partitions: 1})
	p.Wait(100, 30*time.Second)
	leader := c.Leader("quorum", 0)
	for _, n := range c.Nodes {
		if n != leader {
			n.Kill()
		}
	}
	// What was under way may still come in, and only that.
	settled := p.Answered()
	cluster.Eventually(t, 20*time.Second, "acknowledgements stop", func(context.Context) error {
		if now := p.Answered(); now != settled {
			settled = now
			return errors.New("they come in")
		}
		return nil
	})
	cluster.Holds(t, 4*time.Second, "nothing is acknowledged", func(context.Context) error {
		if now := p.Answered(); now > settled+1 { // one may have been between the two looks
			return fmt.Errorf("%d records were answered below quorum", now-settled)
		}
		return nil
	})
	c.Node(leader.ID%3 + 1).Restart()
	p.Wait(100, 60*time.Second)
	p.StopClean(60 * time.Second)
	load.Check(t, c, rec, "quorum")
}
