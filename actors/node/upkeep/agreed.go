package upkeep

import (
	"slices"
	"time"

	"github.com/troupe-mq/troupe/raft/metadata"
)

// agreedTime returns the time, in ms since the epoch, that a majority of the nodes' clocks has
// reached, by the clocks of those that answered, this node's among them. ok is false if fewer than
// a majority of the nodes did. One clock that is wrong changes nothing in a cluster of three.
func agreedTime(clocks []int64, nodes int) (ms int64, ok bool) {
	if len(clocks) <= nodes/2 {
		return 0, false
	}
	slices.Sort(clocks)
	return clocks[(len(clocks)-1)/2], true
}

// together reports whether a majority of the nodes' clocks shows a time, give or take some.
func together(clocks []int64, nodes int, ms, within int64) bool {
	near := 0
	for _, c := range clocks {
		if c-ms <= within && ms-c <= within {
			near++
		}
	}
	return near > nodes/2
}

const (
	// apart is from how far on a clock is told to be apart from the others.
	apart = time.Minute
	// readable is how far apart the clocks of a majority may be for their time to be put into logs.
	// One that is far behind would have those who wrote a moment ago taken for silent since then, and
	// records without a time for old ones, as soon as it is not counted any more.
	readable = time.Hour
)

// agreed is the time that the nodes' clocks agree on.
type agreed struct {
	ms   int64 // since the epoch: what is older by it may be deleted
	ok   bool  // enough nodes could be asked; else nothing is old enough
	sure bool  // a majority's clocks show it, so that it may be put into logs
}

// agreement returns the time by a node's own clock and those of the others. One that answers
// without a clock, with 0, runs an older build, which goes by its own clock alone: among those that
// tell, a majority decides.
func agreement(own int64, answers map[metadata.NodeID]int64, others int) (a agreed) {
	clocks, nodes := []int64{own}, others+1
	for _, clock := range answers {
		if clock > 0 {
			clocks = append(clocks, clock)
		} else {
			nodes--
		}
	}
	a.ms, a.ok = agreedTime(clocks, nodes)
	a.sure = a.ok && together(clocks, nodes, a.ms, readable.Milliseconds())
	return a
}

// agreedNow is the time that what is old is deleted by. It waits for the other nodes' answers.
func (u *Upkeep) agreedNow() agreed {
	peers := u.here.Peers()
	own := u.here.Now().UnixMilli()
	a := agreement(own, u.Clocks(peers), len(peers))
	u.ahead.Store(nil)
	if a.ok {
		ahead := own - a.ms
		u.ahead.Store(&ahead)
	}
	wrong := a.ok && (own-a.ms > apart.Milliseconds() || a.ms-own > apart.Milliseconds())
	if u.clockWrong.Swap(wrong) != wrong && wrong {
		u.here.Log.Warn("this node's clock is apart from the other nodes' clocks: set it. Records are deleted and cleaned by the time that a majority of the nodes has reached",
			"ahead", time.Duration(own-a.ms)*time.Millisecond)
	}
	return a
}

// AgreedOf returns the agreed time of a time on this node's clock, by what the others' clocks
// showed when they were last asked. ok is false if that was not found out. It does not wait.
func (u *Upkeep) AgreedOf(now int64) (ms int64, ok bool) {
	ahead := u.ahead.Load()
	if ahead == nil {
		return 0, false
	}
	return now - *ahead, true
}
