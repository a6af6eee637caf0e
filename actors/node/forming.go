package node

import (
	"maps"
	"slices"

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
