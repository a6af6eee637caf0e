package e2e

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"testing"
	"time"

	"github.com/troupe-mq/troupe/e2e/cluster"
	"github.com/troupe-mq/troupe/e2e/history"
	"github.com/troupe-mq/troupe/e2e/load"
)

// A rolling upgrade to a build that has more to say of a node than the present one, and back: every
// node is let in at once, whichever build leads the metadata; no node writes to it again and again;
// nothing is lost.
func TestARollingUpgradeToABuildThatSaysMoreOfANode(t *testing.T) {
	tomorrow, err := cluster.Tomorrow()
	if err != nil {
		t.Fatal(err)
	}
	today, err := cluster.Binary()
	if err != nil {
		t.Fatal(err)
	}
	c := cluster.Start(t, 3, cluster.NoVerify())
	onlyTroupe(t, c)
	c.CreateTopic("kept", 3, 3)
	rec := history.NewRecorder()
	p := load.Start(t, c, rec, load.Config{Topic: "kept", Partitions: 3})
	for _, binary := range []string{tomorrow, today} {
		for _, n := range c.Nodes {
			n.Stop()
			n.UseBinary(binary)
			n.Restart()
			waitHealthy(t, n)
			writesLittle(t, c)
		}
	}
	p.StopClean(60 * time.Second)
	load.Check(t, c, rec, "kept")
	again := regexp.MustCompile("does not show this node as it is")
	for _, n := range c.Nodes {
		if n.LogSays(again) {
			t.Errorf("node %d: what it says of itself was lost on the way through an older build", n.ID)
		}
	}
	c.Verify()
}

// A cluster of the build that landed last is upgraded node by node under load, and back: the data
// directories of each are read by the other, they work together at every step, nothing is lost.
func TestABuildBeforeRollsForwardAndBack(t *testing.T) {
	before, err := cluster.Before()
	if errors.Is(err, cluster.ErrNoHistory) {
		t.Skip(err, "; E2E_BEFORE=path names the binary of an earlier build")
	}
	if err != nil {
		t.Fatal(err)
	}
	today, err := cluster.Binary()
	if err != nil {
		t.Fatal(err)
	}
	c := cluster.Start(t, 3, cluster.NoVerify(), cluster.FirstBinary(before))
	onlyTroupe(t, c)
	c.CreateTopic("kept", 6, 3)
	rec := history.NewRecorder()
	p := load.Start(t, c, rec, load.Config{Topic: "kept", Partitions: 6})
	for _, binary := range []string{today, before, today} {
		for _, n := range c.Nodes {
			n.Stop()
			n.UseBinary(binary)
			n.Restart()
			waitHealthy(t, n)
		}
	}
	p.StopClean(60 * time.Second)
	load.Check(t, c, rec, "kept")
	c.Verify()
}

// writesLittle holds that a cluster at rest writes next to nothing into its metadata within some
// seconds.
func writesLittle(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	index := func() float64 {
		m, err := c.Node(1).Metrics(within(t, 10*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		return m.Value("troupe_metadata_index")
	}
	before := index()
	cluster.Holds(t, 3*time.Second, "the metadata is not filled", func(context.Context) error {
		if now := index(); now > before+20 {
			return fmt.Errorf("from entry %.0f to %.0f", before, now)
		}
		return nil
	})
}
