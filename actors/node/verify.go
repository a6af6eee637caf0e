package node

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/troupe-mq/troupe/raft/metadata"
)

// verify finds out whether a peer belongs to this cluster, unless that is under way already.
func (n *Node) verify(peer metadata.NodeID) {
	if n.identity.Load().Founders == nil || !n.proved.Load() || !n.verifying.begin(peer) {
		return
	}
	n.do(func() {
		defer n.verifying.set(peer, false)
		me := n.hello()
		body, _ := json.Marshal(me)
		other, ok := n.greetOne(peer, body)
		if !ok || other.Founders == nil {
			return
		}
		if n.Image().IsGone(other.Node, other.Incarnation) {
			n.tellGone(peer, other.Incarnation)
			return
		}
		if err := compatible(me, other); err != nil {
			n.log.Error("messages of a foreign node are dropped", "peer", peer, "error", err)
			n.pause(waitReport)
			return
		}
		switch back, err := n.look(peer); {
		case back != "":
			n.fail(errors.Join(fmt.Errorf("%w: %s", errBack, back), n.forsake(peer, back)))
		case err != nil:
			n.log.Warn("nothing is exchanged yet with a node", "peer", peer, "error", err)
			n.pause(greetTimeout)
		default:
			n.verified.set(peer, true)
			receiver{n}.answerWaiting(peer)
		}
	})
}

// tellGone tells a peer that it is no member any more. It may not find out by itself: where its
// replica is still a learner it hears of a leader, whom its answers do not reach.
func (n *Node) tellGone(peer metadata.NodeID, incarnation uint64) {
	me := n.hello()
	me.Gone = incarnation
	body, _ := json.Marshal(me)
	n.greetOne(peer, body)
	n.pause(greetTimeout) // it sends on until it has ended
}
