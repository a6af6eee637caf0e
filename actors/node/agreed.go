package node

import (
	"slices"
	"time"
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

// apart is from how far on a clock is told to be apart from the others.
const apart = time.Minute

// agreedNow is the time that what is old is deleted by. ok is false if too few nodes can be asked:
// then nothing is old enough. It waits for the other nodes' answers.
func (n *Node) agreedNow() (ms int64, ok bool) {
	peers := n.peers()
	clocks := []int64{}
	for _, h := range n.greet(peers) {
		if h.Clock > 0 { // else it runs an older build
			clocks = append(clocks, h.Clock)
		}
	}
	own := n.world.Now().UnixMilli()
	ms, ok = agreedTime(append(clocks, own), len(peers)+1)
	n.ahead.Store(nil)
	if ok {
		ahead := own - ms
		n.ahead.Store(&ahead)
	}
	wrong := ok && (own-ms > apart.Milliseconds() || ms-own > apart.Milliseconds())
	if n.clockWrong.Swap(wrong) != wrong && wrong {
		n.log.Warn("this node's clock is apart from the other nodes' clocks: set it. Records are deleted and cleaned by the time that a majority of the nodes has reached",
			"ahead", time.Duration(own-ms)*time.Millisecond)
	}
	return ms, ok
}

// agreedOf returns the agreed time of a time on this node's clock, by what the others' clocks showed
// when they were last asked. ok is false if that was not found out. It does not wait.
func (n *Node) agreedOf(now int64) (ms int64, ok bool) {
	ahead := n.ahead.Load()
	if ahead == nil {
		return 0, false
	}
	return now - *ahead, true
}
