package node

import (
	"errors"
	"fmt"

	"github.com/troupe-mq/troupe/raft/metadata"
)

// verify finds out whether a peer belongs to this cluster, unless that is under way already.
func (n *Node) verify(peer metadata.NodeID) {
	if n.here.Identity().Founders == nil || !n.proved.Load() || !n.verifying.Begin(peer) {
		return
	}
	n.here.Do(func() {
		defer n.verifying.Set(peer, false)
		me := n.hello()
		other, ok := n.greetOne(peer, me)
		if !ok || other.Founders == nil {
			return
		}
		if n.here.Image().IsGone(other.Node, other.Incarnation) {
			n.tellGone(peer, other.Incarnation)
			return
		}
		if err := compatible(me, other); err != nil {
			n.here.Log.Error("messages of a foreign node are dropped", "peer", peer, "error", err)
			n.here.Pause(waitReport)
			return
		}
		switch back, err := n.checkRun(peer); {
		case back != "":
			n.here.Fail(errors.Join(fmt.Errorf("%w: %s", errRolledBack, back), n.giveUpDisk(peer, back)))
		case err != nil:
			n.here.Log.Warn("nothing is exchanged yet with a node", "peer", peer, "error", err)
			n.here.Pause(greetTimeout)
		default:
			n.verified.Set(peer, true)
			receiver{n}.answerWaiting(peer)
		}
	})
}

// tellGone tells a peer that it is no member any more. It may not find out by itself: where its
// replica is still a learner it hears of a leader, whom its answers do not reach.
func (n *Node) tellGone(peer metadata.NodeID, incarnation uint64) {
	me := n.hello()
	me.Gone = incarnation
	n.greetOne(peer, me)
	n.here.Pause(greetTimeout) // it sends on until it has ended
}
