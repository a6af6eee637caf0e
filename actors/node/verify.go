package node

import (
	"encoding/json"
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
			return // it will hear of it when it greets somebody
		}
		if err := compatible(me, other); err != nil {
			n.log.Error("messages of a foreign node are dropped", "peer", peer, "error", err)
			n.pause(waitReport)
			return
		}
		switch back, err := n.look(peer); {
		case back != "":
			n.fail(fmt.Errorf("%w: %s", errBack, back))
		case err != nil:
			n.log.Warn("nothing is exchanged yet with a node", "peer", peer, "error", err)
			n.pause(greetTimeout)
		default:
			n.verified.set(peer, true)
		}
	})
}
