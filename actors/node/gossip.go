package node

import (
	"sync"
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
	again := n.world.Now().Add(gossipEvery)
	for {
		switch n.world.Wait(max(again.Sub(n.world.Now()), 0), n.leaders.due, n.stopping) {
		case 0:
			n.pause(gossipBatch) // many shards elect at once
			n.tellPeers(encodeLeads(n.leaders.tell(false)))
		case 1:
			return
		default:
			n.tellPeers(encodeLeads(n.leaders.tell(true)))
			n.failStale()
			again = n.world.Now().Add(gossipEvery)
		}
	}
}

func (n *Node) pause(d time.Duration) { n.world.Wait(d, n.stopping) }

// tellPeers tells every peer that is up, and waits for none; one that cannot be told hears it when
// it is linked again.
func (n *Node) tellPeers(body []byte) {
	if len(body) == 0 {
		return
	}
	for _, peer := range n.peers() {
		if n.links.Up(peer) {
			n.do(func() { n.tell(peer, askLead, body) })
		}
	}
}

func (n *Node) tell(peer metadata.NodeID, kind string, body []byte) {
	ctx, cancel := n.world.Timeout(n.context, gossipTimeout)
	defer cancel()
	if _, err := n.links.Ask(ctx, peer, kind, body); err != nil {
		n.log.Debug("a node could not be told", "peer", peer, "what", kind, "error", err)
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

// nodeSet is a set of nodes that is safe for any goroutine.
type nodeSet struct {
	mu sync.RWMutex
	in map[metadata.NodeID]bool
}

func (s *nodeSet) set(n metadata.NodeID, in bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.in == nil {
		s.in = make(map[metadata.NodeID]bool)
	}
	s.in[n] = in
}

func (s *nodeSet) has(n metadata.NodeID) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.in[n]
}

// while calls f if a node is in the set, and keeps it there until f returns; false if it is not. f
// must not block, nor touch the set.
func (s *nodeSet) while(n metadata.NodeID, f func()) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.in[n] {
		f()
	}
	return s.in[n]
}

// begin adds a node; false if it was in the set already.
func (s *nodeSet) begin(n metadata.NodeID) bool {
	if s.has(n) {
		return false
	}
	s.set(n, true)
	return true
}
