package node

import (
	"time"

	"github.com/troupe-mq/troupe/actors/node/local"
	"github.com/troupe-mq/troupe/actors/node/question"
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
			n.tellPeers(n.leaders.tell(false))
		case 1:
			return
		default:
			n.tellPeers(n.leaders.tell(true))
			n.failStale()
			again = n.here.Now().Add(gossipEvery)
		}
	}
}

// tellPeers tells every peer that is up, and waits for none; one that cannot be told hears it when
// it is linked again.
func (n *Node) tellPeers(words []lead) {
	if len(words) == 0 {
		return
	}
	for _, peer := range n.here.Peers() {
		if n.here.Links.Up(peer) {
			n.here.Do(func() { tell(n.here, peer, leadQuestion, words) })
		}
	}
}

// tell tells a peer something by a question that has no answer but that it was heard.
func tell[T any](here *local.Node, peer metadata.NodeID, q question.Question[T, question.Nothing], what T) {
	ctx, cancel := here.Timeout(here.Context, gossipTimeout)
	defer cancel()
	if _, err := q.Ask(ctx, here.Links, peer, what); err != nil {
		here.Log.Debug("a node could not be told", "peer", peer, "what", q.Name, "error", err)
	}
}

// tellAll tells a peer that was linked anew everything.
func (n *Node) tellAll(peer metadata.NodeID) {
	if words := n.leaders.tell(true); len(words) > 0 {
		tell(n.here, peer, leadQuestion, words)
	}
	tell(n.here, peer, restQuestion, n.draining.Load())
	tell(n.here, peer, spaceQuestion, n.spaces.own())
}

// leadQuestion tells of leaderships of the asking node's.
var leadQuestion = question.Question[[]lead, question.Nothing]{
	Name: "lead", Request: question.Codec[[]lead]{Encode: encodeLeads, Decode: decodeLeads},
}

func (n *Node) leadTold(from metadata.NodeID, words []lead) (none question.Nothing, err error) {
	n.leaders.told(from, words)
	return none, nil
}

// restQuestion tells whether the asking node stops: one byte, 1 if it does.
var restQuestion = question.Question[bool, question.Nothing]{
	Name: "rest",
	Request: question.Codec[bool]{
		Encode: func(on bool) ([]byte, error) {
			if on {
				return []byte{1}, nil
			}
			return []byte{0}, nil
		},
		Decode: func(b []byte) (bool, error) { return len(b) > 0 && b[0] == 1, nil },
	},
}

func (n *Node) restTold(from metadata.NodeID, on bool) (none question.Nothing, err error) {
	n.resting.Set(from, on)
	return none, nil
}
