package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/troupe-mq/troupe/e2e/cluster"
	"github.com/troupe-mq/troupe/e2e/history"
)

// Two of three stores are damaged at once. Neither node gives up what it held, for what both
// acknowledged may be nowhere else: they wait, and say so. With the stores repaired, which are
// still there, everything goes on.
func TestTwoDamagedStoresWait(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	r := startRejoin(t)
	r.begin()
	r.follow()
	two := r.c.Nodes[1:]
	var flipped []cluster.Flipped
	for _, n := range two {
		n.Stop() // which writes tables
	}
	for _, n := range two {
		flipped = append(flipped, n.Flip(random, "*.sst"))
		n.Start()
	}
	for _, r.victim = range two {
		r.says("it was set aside")
		r.says("waiting to be let into the cluster")
	}
	for i, n := range two {
		n.Kill()
		aside := n.SetAside()
		if len(aside) != 1 {
			t.Fatalf("node %d keeps %v", n.ID, aside)
		}
		n.Repair(aside[0], flipped[i])
	}
	for _, n := range two {
		n.Start()
	}
	r.end()
}

// What nobody reads rots on one node. The pass through all that is stored finds it; what it was of
// is replaced. Then a table rots, and the node ends, and mends itself when it is started again.
func TestColdRotIsFound(t *testing.T) {
	c := cluster.New(t, 3)
	onlyTroupe(t, c)
	for _, n := range c.Nodes {
		n.Args("--disk.scrub.interval=1s", "--disk.scrub.bytes.per.second=0")
		n.Start()
	}
	c.WaitReady()
	c.CreateTopic(rejoinTopic, 3, 3)
	r := &rejoin{t: t, c: c, rec: history.NewRecorder(), victim: c.Node(3)}
	r.fill(300)
	c.WaitInSync(rejoinTopic)
	t.Logf("flipped %s", r.victim.FlipAt("filling-300 "))
	r.says("damage was found where nobody had read")
	r.healed()
	r.whole()
	c.WaitInSync(rejoinTopic)
	m, err := r.victim.Metrics(within(t, 20*time.Second))
	if err != nil || m.Value("troupe_scrub_damage_total") < 1 || m.Value("troupe_scrub_bytes_total") < 300_000 {
		t.Errorf("metrics: %v replicas damaged, %v bytes read, %v", m.Value("troupe_scrub_damage_total"), m.Value("troupe_scrub_bytes_total"), err)
	}

	r.victim.Stop() // which writes a table
	r.victim.Restart()
	c.WaitReady()
	c.WaitInSync(rejoinTopic)
	r.victim.Doomed()
	t.Logf("flipped %s", r.victim.Flip(rand.New(rand.NewPCG(1, 1)), "*.sst"))
	if code, out := r.victim.WaitExit(30 * time.Second); code == 0 {
		t.Fatalf("exit code 0\n%s", out)
	}
	r.victim.Restart()
	r.says("it was set aside")
	r.healed()
	r.whole()
	c.WaitInSync(rejoinTopic)
	cluster.Eventually(t, 20*time.Second, "the metrics tell of the store that was set aside", func(ctx context.Context) error {
		m, err := r.victim.Metrics(ctx)
		if err == nil && m.Value("troupe_storage_set_aside") != 1 {
			err = fmt.Errorf("%v stores", m.Value("troupe_storage_set_aside"))
		}
		return err
	})
}
