//go:build linux

package chaos

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/troupe-mq/troupe/e2e/cluster"
	"github.com/troupe-mq/troupe/e2e/hosts"
)

// seed is E2E_SEED, or one that is new every time.
func seed(t *testing.T) uint64 {
	t.Helper()
	s, err := strconv.ParseUint(os.Getenv("E2E_SEED"), 10, 64)
	if err != nil {
		s = uint64(time.Now().UnixNano())
	}
	t.Logf("E2E_SEED=%d", s)
	return s
}

// In short: every fault once, then mixes of them.
func TestFaults(t *testing.T) {
	hosts.Need(t)
	plan := Plan{Seed: seed(t), Nodes: 3, Kinds: Names()}
	r := Start(t, Config{})
	r.Episode(t.Context(), plan.Singles(0))
	full := regexp.MustCompile("disk is (nearly )?full")
	if !slices.ContainsFunc(r.Cluster.Nodes, func(n *cluster.Node) bool { return n.LogSays(full) }) {
		t.Error("a disk was filled and no node has noticed")
	}
	r.Episode(t.Context(), plan.Mixed(1, 5, 3))
}

// All nodes lose power at a random moment, twice.
func TestPowerLoss(t *testing.T) {
	hosts.Need(t)
	plan := Plan{Seed: seed(t), Nodes: 3}
	r := Start(t, Config{})
	r.Episode(t.Context(), plan.PowerLosses(0, 2))
}
