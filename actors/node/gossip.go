package node

import (
	"time"

	"github.com/troupe-mq/troupe/raft/metadata"
)

const (
	gossipTimeout = time.Second     // for one peer to take the word
	gossipEvery   = 5 * time.Second // everything again, should a word have been lost
	gossipBatch   = 2 * time.Millisecond
)

// gossip tells the peers which shards this node leads, as it changes, until the node stops.
func (n *Node) gossip() {
	again := n.here.Now().Add(gossipEvery)
	for {
		switch n.here.Wait(max(again.Sub(n.here.Now()), 0), n.leaders.due, n.here.Stopping) {
		case 0:
			n.here.Pause(gossipBatch) // many shards elect at once
			n.tellPeers(encodeLeads(n.leaders.tell(false)))
		case 1:
			return
		default:
			n.tellPeers(encodeLeads(n.leaders.tell(true)))
			n.failStale()
			again = n.here.Now().Add(gossipEvery)
		}
	}
}

// tellPeers tells every peer that is up, and waits for none; one that cannot be told hears it when
// it is linked again.
func (n *Node) tellPeers(body []byte) {
	if len(body) == 0 {
		return
	}
	for _, peer := range n.here.Peers() {
		if n.here.Links.Up(peer) {
			n.here.Do(func() { n.tell(peer, askLead, body) })
		}
	}
}

func (n *Node) tell(peer metadata.NodeID, kind string, body []byte) {
	ctx, cancel := n.here.Timeout(n.here.Context, gossipTimeout)
	defer cancel()
	if _, err := n.here.Links.Ask(ctx, peer, kind, body); err != nil {
		n.here.Log.Debug("a node could not be told", "peer", peer, "what", kind, "error", err)
	}
}

// tellAll tells a peer that was linked anew everything.
func (n *Node) tellAll(peer metadata.NodeID) {
	if body := encodeLeads(n.leaders.tell(true)); len(body) > 0 {
		n.tell(peer, askLead, body)
	}
	n.tell(peer, askRest, restBody(n.draining.Load()))
	n.tell(peer, askSpace, []byte{byte(n.spaces.own())})
}

func restBody(on bool) []byte {
	if on {
		return []byte{1}
	}
	return []byte{0}
}
