package node

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// formingRounds is how often founders are greeted that have not told what their builds support.
const formingRounds = 10

// formingLevels returns the levels that the cluster begins at which this node forms: the highest
// that the builds of all founders support. A founder of an older build would apply the command that
// forms the cluster, and others after it, in another way than this one, and could not register.
func (n *Node) formingLevels() map[string]int16 {
	told := make(map[metadata.NodeID]hello)
	if founding := n.greeting.Load(); founding != nil {
		maps.Copy(told, *founding)
	}
	var silent []metadata.NodeID
	for round := range formingRounds {
		silent = slices.DeleteFunc(n.here.ConfiguredPeers(), func(id metadata.NodeID) bool { _, known := told[id]; return known })
		if len(silent) == 0 || round > 0 && n.here.Wait(greetAgain, n.here.Stopping) == 0 {
			break
		}
		maps.Copy(told, n.greet(silent))
	}
	levels := beginAt(n.here.ConfiguredPeers(), told)
	if newest := metadata.Newest(); !maps.Equal(levels, newest) {
		n.here.Log.Warn("the cluster begins below the newest feature levels, because a founder runs an older build or did not tell: raise them when all nodes run the new one",
			"levels", levels, "newest", newest, "silent", silent)
	}
	return levels
}

// beginAt returns the levels that a cluster begins at whose other founders told what their builds
// support. One that said nothing may be of any build.
func beginAt(founders []metadata.NodeID, told map[metadata.NodeID]hello) map[string]int16 {
	var builds []map[string]metadata.Levels
	for _, id := range founders {
		builds = append(builds, told[id].Features)
	}
	return metadata.Common(builds...)
}

// formedWithin is how long a node that lets clients in waits for the founders of its cluster before
// it has topics created without them; the supervisor gives those the replicas that they should have
// when more nodes come.
const formedWithin = time.Minute

// AwaitFormed implements api.Cluster.
func (n *Node) AwaitFormed(ctx context.Context) error {
	missing := n.here.Image().Unregistered()
	if len(missing) == 0 {
		return nil
	}
	left := formedWithin - n.here.Now().Sub(n.serving)
	n.sayMissing(missing, left)
	if left <= 0 {
		return nil
	}
	wait, cancel := n.here.Timeout(ctx, left)
	defer cancel()
	err := n.here.Until(wait, &n.here.Imaged, func() bool { return n.here.Image().ClusterID != "" && len(n.here.Image().Unregistered()) == 0 })
	if err != nil && ctx.Err() != nil {
		return protocol.Errorf(kerr.RequestTimedOut, "the cluster is still forming: nodes %v have founded it and are not registered yet", n.here.Image().Unregistered())
	}
	return nil
}

// sayMissing tells the operator which founders topics wait for, or are created without.
func (n *Node) sayMissing(missing []metadata.NodeID, left time.Duration) {
	switch {
	case !n.unregistered.due(n.here.Now(), left <= 0):
	case left > 0:
		n.here.Log.Warn("topics wait for founders of the cluster that have not registered: start them, or in the place of one that is lost a node of its id with an empty data directory",
			"nodes", missing, "longest", left)
	default:
		n.here.Log.Warn("topics are created without founders of the cluster that have not registered, and get the replicas that they should have when those have come", "nodes", missing)
	}
}

// reminder says when something that lasts is told again: every few seconds while it is waited for,
// and once when that is given up.
type reminder struct {
	mu      sync.Mutex
	at      time.Time
	givenUp bool
}

func (r *reminder) due(now time.Time, givenUp bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.givenUp || !givenUp && !r.at.IsZero() && now.Sub(r.at) < waitReport {
		return false
	}
	r.at, r.givenUp = now, givenUp
	return true
}
