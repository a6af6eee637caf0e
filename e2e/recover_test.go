package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/e2e/cluster"
	"github.com/troupe-mq/troupe/e2e/history"
	"github.com/troupe-mq/troupe/e2e/load"
)

// Two of three nodes are lost for good, disks and all. Nothing happens by itself; the
// operator is told what is left and what may be lost, and brings it back, and the record of it
// stays. The lost nodes come back with empty disks, and the cluster is whole again.
func TestTwoNodesLostForGood(t *testing.T) {
	c := cluster.Start(t, 3, cluster.NoVerify())
	onlyTroupe(t, c)
	c.CreateTopic("kept", 3, 3)
	c.CreateTopicAt("gone", []int32{3})
	rec := history.NewRecorder()
	p := load.Start(t, c, rec, load.Config{Topic: "kept", Partitions: 3, Limit: 300})
	p.StopClean(60 * time.Second)
	for partition := range int32(3) {
		c.WaitReplicas("kept", partition, 100)
	}
	left := c.Node(1)
	out, code := operator(t, left, "cluster", "recover", "--lost=2,3", "--accept-data-loss")
	if code == 0 || !strings.Contains(out, "node 2 is up") {
		t.Errorf("nodes that are up can be recovered without: %d, %s", code, out)
	}
	for _, n := range c.Nodes[1:] {
		n.Kill()
		if err := os.Rename(n.Data(), n.Data()+".old"); err != nil {
			t.Fatal(err)
		}
	}
	cluster.Eventually(t, 20*time.Second, "the node that is left has no leader", func(context.Context) error {
		if h := healthAt(t, left); h.MetaLeader != -1 || h.Partitions.Leaderless != 5 {
			return fmt.Errorf("%+v", h)
		}
		return nil
	})
	cluster.Holds(t, 4*time.Second, "nothing happens by itself", func(context.Context) error {
		if h := healthAt(t, left); h.MetaLeader != -1 || h.Partitions.Leaderless != 5 || len(h.Recoveries) > 0 {
			return errors.New("it did")
		}
		return nil
	})

	out, code = operator(t, left, "cluster", "recover", "--lost=2,3") // nobody types anything
	if code == 0 || !strings.Contains(out, "nothing was done") {
		t.Errorf("it did not ask: %d, %s", code, out)
	}
	for _, word := range []string{"4 shards have lost their majority", "__meta", "kept-0", "kept-1", "kept-2", "1 of 3", "  100  ", "nothing brings them back: gone-0"} {
		if !strings.Contains(out, word) {
			t.Errorf("the plan does not say %q:\n%s", word, out)
		}
	}
	if out, code = operator(t, left, "cluster", "recover", "--lost=2,3", "--accept-data-loss"); code != 0 {
		t.Fatalf("exit code %d: %s", code, out)
	}
	goesOn(t, c, rec, left)
	if out, code = operator(t, left, "cluster", "recover", "--lost=2,3", "--accept-data-loss"); code == 0 || !strings.Contains(out, "nothing to recover") {
		t.Errorf("it acts twice: %d, %s", code, out)
	}
	comeBack(t, c, rec, left)
}

// goesOn: what was acknowledged is there, more can be written, the record is kept over a restart.
func goesOn(t *testing.T, c *cluster.Cluster, rec *history.Recorder, left *cluster.Node) {
	t.Helper()
	cluster.Eventually(t, 20*time.Second, "the partitions are led again", func(context.Context) error {
		// gone-0 stays so
		if h := healthAt(t, left); h.MetaLeader != left.ID || h.Partitions.Leaderless != 1 || len(h.Recoveries) != 1 {
			return fmt.Errorf("%+v", h)
		}
		return nil
	})
	p := load.Start(t, c, rec, load.Config{Topic: "kept", Partitions: 3, Limit: 300, Options: []kgo.Opt{kgo.SeedBrokers(left.Addr())}})
	p.StopClean(60 * time.Second)
	load.Check(t, c, rec, "kept")
	createAt(t, left, "after", 1)
	left.Stop()
	left.Restart()
	// until now it may have had ids left that only it was given
	if id := producerID(t, left); id < 1<<32 {
		t.Errorf("producer id %d may have been given out by a node that is lost", id)
	}
	h := healthAt(t, left)
	if len(h.Recoveries) != 1 || fmt.Sprint(h.Recoveries[0].Lost, h.Recoveries[0].Gone, len(h.Recoveries[0].Shards)) != "[2 3] [gone-0] 4" {
		t.Errorf("the record is %+v", h.Recoveries)
	}
}

// producerID has a node give out a producer id.
func producerID(t *testing.T, at *cluster.Node) int64 {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(at.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	r, err := kmsg.NewPtrInitProducerIDRequest().RequestWith(within(t, 20*time.Second), client)
	if err != nil || r.ErrorCode != 0 {
		t.Fatal(err, r)
	}
	return r.ProducerID
}

// comeBack: a lost node whose disk turns up after all is not let in with it. With empty disks the
// lost nodes start without another word of the operator's, and are all that they were: when the one
// that was left is killed, they go on.
func comeBack(t *testing.T, c *cluster.Cluster, rec *history.Recorder, left *cluster.Node) {
	t.Helper()
	ctx := within(t, 60*time.Second)
	if _, err := c.Admin().DeleteTopic(ctx, "gone"); err != nil { // nothing brings it back
		t.Fatal(err)
	}
	p := load.Start(t, c, rec, load.Config{Topic: "kept", Partitions: 3})
	third := c.Node(3)
	if err := os.Rename(third.Data()+".old", third.Data()); err != nil {
		t.Fatal(err)
	}
	third.Start()
	if code, out := third.WaitExit(30 * time.Second); code != 1 || !strings.Contains(out, "cannot come back under its old identity") {
		t.Errorf("node 3 came back with its old disk, and ended with code %d:\n%s", code, out)
	}
	if err := os.RemoveAll(third.Data()); err != nil {
		t.Fatal(err)
	}
	for _, n := range c.Nodes[1:] {
		n.Start()
	}
	c.WaitReady()
	waitSpread(t, left, 1, 2, 3)
	c.WaitTopic("kept", "three replicas in sync", func(topic kmsg.MetadataResponseTopic) error {
		for _, p := range topic.Partitions {
			if len(p.Replicas) != 3 || len(p.ISR) != 3 {
				return fmt.Errorf("partition %d: replicas %v, in sync %v", p.Partition, p.Replicas, p.ISR)
			}
		}
		return nil
	})
	waitHealthy(t, left)
	p.Wait(100, 30*time.Second)

	left.Kill()
	p.Wait(100, 60*time.Second)
	left.Restart()
	p.StopClean(60 * time.Second)
	load.Check(t, c, rec, "kept")
	c.Verify()
	if h := healthAt(t, c.Node(3)); len(h.Recoveries) != 1 {
		t.Errorf("node 3 knows the record as %+v", h.Recoveries)
	}
}
