package e2e

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/troupe-mq/troupe/e2e/cluster"
	"github.com/troupe-mq/troupe/e2e/history"
	"github.com/troupe-mq/troupe/e2e/load"
)

// killEvery is the time from one kill to the next; killsLast is how long it goes on, in the full
// length and in CI's.
const (
	killEvery      = 5 * time.Second
	killsLast      = 3 * time.Minute
	killsLastShort = 30 * time.Second
)

// A random node is killed every five seconds and started again, under load of idempotent and plain
// producers and a consumer group: nothing acknowledged is lost, reordered or (idempotent) twice in
// the log. E2E_LONG=1 gives the full three minutes, E2E_SEED a certain run.
func TestKillsUnderLoad(t *testing.T) {
	random := seeded(t)
	c := cluster.Start(t, 3)
	rec := history.NewRecorder()
	for _, topic := range []string{"idempotent", "plain"} {
		c.CreateTopic(topic, 3, 3)
	}
	producers := load.Start(t, c, rec, load.Config{Topic: "idempotent", Partitions: 3, Producers: 3, Interval: 3 * time.Millisecond})
	plain := load.Start(t, c, rec, load.Config{Topic: "plain", Partitions: 3, Plain: true})
	group := load.StartGroup(t, c, rec, load.GroupConfig{Group: "kills", Topic: "idempotent", Members: 2})
	unwatch := load.Watch(t, c, rec, "idempotent")
	producers.Wait(300, 30*time.Second)

	kills := killRandomly(c, random, lasts(killsLast, killsLastShort))

	c.WaitReady()
	c.WaitInSync("idempotent")
	producers.StopClean(60 * time.Second)
	if errs := plain.Stop(60 * time.Second); len(errs) > 0 {
		t.Logf("%d records of the plain producer failed, the first: %v", len(errs), errs[0])
	}
	group.WaitAll(rec, 60*time.Second)
	group.Stop()
	unwatch()
	gap, _ := rec.History().Gap()
	t.Logf("%d kills, longest time without an acknowledgement %s", kills, gap)
	load.Check(t, c, rec, "idempotent", "plain")
}

// killRandomly kills and starts nodes for a while and tells how often. At most one is down at a
// time, but one may be killed while another has not caught up.
func killRandomly(c *cluster.Cluster, random *rand.Rand, d time.Duration) (kills int) {
	next := time.NewTicker(killEvery)
	defer next.Stop()
	for end := time.After(d); ; kills++ {
		victim := c.Nodes[random.IntN(len(c.Nodes))]
		victim.Kill()
		down := time.NewTimer(time.Duration(random.Int64N(int64(killEvery / 2))))
		<-down.C
		victim.Start()
		select {
		case <-end:
			return kills + 1
		case <-next.C:
		}
	}
}

// lasts picks the length of a test.
func lasts(full, short time.Duration) time.Duration {
	if os.Getenv("E2E_LONG") != "" {
		return full
	}
	return short
}

// seeded is a source of random numbers that E2E_SEED can repeat.
func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed, err := strconv.ParseUint(os.Getenv("E2E_SEED"), 10, 64)
	if err != nil {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("E2E_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}
