package leadership

import (
	"time"

	"github.com/troupe-mq/troupe/actors/node/question"
	"github.com/troupe-mq/troupe/raft/metadata"
)

const (
	gossipEvery = 5 * time.Second // everything again, should a word have been lost
	gossipBatch = 2 * time.Millisecond
)

// Gossip tells the peers which shards this node leads, as it changes, until the node stops.
func (l *Leaderships) Gossip() {
	again := l.here.Now().Add(gossipEvery)
	for {
		switch l.here.Wait(max(again.Sub(l.here.Now()), 0), l.known.due, l.here.Stopping) {
		case 0:
			l.here.Pause(gossipBatch) // many shards elect at once
			l.tellPeers(l.known.tell(false))
		case 1:
			return
		default:
			l.tellPeers(l.known.tell(true))
			again = l.here.Now().Add(gossipEvery)
		}
	}
}

// tellPeers tells every peer that is up, and waits for none; one that cannot be told hears it when
// it is linked again.
func (l *Leaderships) tellPeers(words []lead) {
	if len(words) == 0 {
		return
	}
	for _, peer := range l.here.Peers() {
		if l.here.Links.Up(peer) {
			l.here.Do(func() { question.Tell(l.here, peer, leadQuestion, words) })
		}
	}
}

// TellAll tells a peer that was linked anew everything.
func (l *Leaderships) TellAll(peer metadata.NodeID) {
	if words := l.known.tell(true); len(words) > 0 {
		question.Tell(l.here, peer, leadQuestion, words)
	}
	question.Tell(l.here, peer, stoppingQuestion, l.draining.Load())
}

// leadQuestion tells of leaderships of the asking node's.
var leadQuestion = question.Question[[]lead, question.Nothing]{
	Name: "lead", Request: question.Codec[[]lead]{Encode: encodeLeads, Decode: decodeLeads},
}

func (l *Leaderships) leadTold(from metadata.NodeID, words []lead) (none question.Nothing, err error) {
	l.known.told(from, words)
	return none, nil
}

// stoppingQuestion says that the asking node stops, or does not: one byte, 1 or 0.
var stoppingQuestion = question.Question[bool, question.Nothing]{
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

func (l *Leaderships) stoppingTold(from metadata.NodeID, on bool) (none question.Nothing, err error) {
	l.stopping.Set(from, on)
	return none, nil
}
