package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/troupe-mq/troupe/e2e/cluster"
)

// longFlips is how many bits TestBitFlipsHeal flips with E2E_LONG=1.
const longFlips = 100

// TestBitFlipsHeal flips one bit after the other in the data files of one node after the other,
// under load, while the node is down: each is found, or proved to be where nothing is stored, and
// heals without a human. The first ones are in files without which nothing can be said of a store,
// then some at once. E2E_LONG=1 flips a hundred, the others anywhere and one by one.
func TestBitFlipsHeal(t *testing.T) {
	rounds := [][]string{{"*.sst", "MANIFEST"}, {"*.vlog", "KEYREGISTRY", "*"}}
	flips := 5
	if os.Getenv("E2E_LONG") != "" {
		for ; flips < longFlips; flips++ {
			rounds = append(rounds, []string{"*"})
		}
	}
	random := seeded(t)
	r := startRejoin(t)
	if len(rounds) > 2 {
		// what is rebuilt in the last round has been written in all of them
		r.pause = 20 * time.Millisecond
	}
	r.begin()
	r.follow()
	outcomes := map[string]int{}
	for i, patterns := range rounds {
		r.victim = r.c.Nodes[random.IntN(len(r.c.Nodes))]
		begin := time.Now()
		where, outcome := r.flipped(random, patterns)
		outcomes[outcome]++
		t.Logf("round %d: node %d, %s: %s; whole again after %s", i+1, r.victim.ID, strings.Join(where, ", "), outcome, time.Since(begin).Round(100*time.Millisecond))
		if i == 0 && outcome != setAside {
			t.Errorf("a damaged table and a damaged list of them: %s", outcome)
		}
	}
	t.Logf("%d bits flipped in %d rounds: %v", flips, len(rounds), outcomes)
	r.end()
	for _, n := range r.c.Nodes {
		cluster.Eventually(t, 30*time.Second, "at most one damaged store is kept", func(context.Context) error {
			if kept := n.SetAside(); len(kept) > 1 {
				return fmt.Errorf("node %d keeps %v", n.ID, kept)
			}
			return nil
		})
	}
}

// setAside is what comes of damage over which nothing can be said of a store.
const setAside = "set aside"

// flipped flips bits while the node is down, waits until all that is on it is whole again, and
// tells where the bits were and what came of it.
func (r *rejoin) flipped(random *rand.Rand, patterns []string) (where []string, outcome string) {
	r.t.Helper()
	before := r.said()
	if patterns[0] == "*.sst" { // what is in memory is written to a table when the node stops
		r.victim.Stop()
	} else {
		r.victim.Kill()
	}
	r.load.Wait(100, 30*time.Second)
	for _, p := range patterns {
		where = append(where, r.victim.Flip(random, p).String())
	}
	r.victim.Restart()
	r.healed()
	out, code := operator(r.t, r.victim, "storage", "verify") // which finds what has not been read yet
	after := r.said()
	switch {
	case after.aside > before.aside:
		outcome = setAside
		if len(r.victim.SetAside()) == 0 {
			r.t.Errorf("node %d keeps no evidence", r.victim.ID)
		}
		r.shown()
	case after.replaced > before.replaced:
		outcome = "replicas replaced"
	case code != 0:
		outcome = "found by verify, replicas replaced"
	case after.mended > before.mended:
		outcome = "mended"
	default:
		outcome = "nothing is stored there"
	}
	if code != 0 && !strings.Contains(out, "DAMAGED") {
		r.t.Fatalf("troupe storage verify: exit code %d\n%s", code, out)
	}
	r.healed()
	r.whole()
	r.c.WaitInSync(rejoinTopic)
	return where, outcome
}

// findings counts lines of a node's log.
type findings struct{ aside, replaced, mended int }

func (r *rejoin) said() (f findings) {
	r.t.Helper()
	log, err := os.ReadFile(r.victim.Log())
	if err != nil {
		r.t.Fatal(err)
	}
	return findings{
		aside:    strings.Count(string(log), "it was set aside"),
		replaced: strings.Count(string(log), "cannot be proved whole"),
		mended:   strings.Count(string(log), "damage in the store was mended"),
	}
}

// shown checks that the cluster's status tells of a store that was set aside, and is healthy with
// it.
func (r *rejoin) shown() {
	r.t.Helper()
	out, _ := operator(r.t, r.victim, "cluster", "status")
	if !strings.Contains(strings.Join(strings.Fields(out), " "), fmt.Sprintf("set-aside %d ", r.victim.ID)) {
		r.t.Errorf("troupe cluster status does not tell of the store that was set aside:\n%s", out)
	}
}
