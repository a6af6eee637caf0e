package node

import (
	"encoding/json"
	"errors"

	"github.com/troupe-mq/troupe/actors/node/hosting"
	"github.com/troupe-mq/troupe/actors/node/question"
	"github.com/troupe-mq/troupe/actors/remote"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

const (
	tellRun = "run" // a runReport
)

// receiver gets what the peers send.
type receiver struct{ n *Node }

var _ remote.Receiver = receiver{}

// Raft implements remote.Receiver.
//
// Messages of a node that was not seen to be of the same cluster are dropped: the replicas of
// __meta have the same names in every cluster. When a link breaks, what came over it is all handed
// out before a replica hears that the node is down, or not at all: a heartbeat behind that word
// would give the replica its dead leader back, and have it wait for an election timeout.
func (r receiver) Raft(from metadata.NodeID, messages []remote.Raft) {
	if !r.n.verified.While(from, func() { r.n.hosting.HandOut(from, messages) }) {
		r.n.verify(from)
	}
}

// Told implements remote.Receiver.
func (r receiver) Told(from metadata.NodeID, kind string, body []byte) {
	var err error
	switch {
	case !r.n.verified.Has(from):
		r.n.verify(from)
	case kind == hosting.TellPull:
		err = r.n.hosting.Pulled(from, body)
	case kind == hosting.TellChunk:
		err = r.n.hosting.Chunk(body)
	case kind == tellRun:
		var told runReport
		if err = json.Unmarshal(body, &told); err == nil {
			r.n.peerRuns.note(from, told)
		}
	default:
		err = errors.New("not known here: is the node of a newer version?")
	}
	if err != nil {
		r.n.here.Log.Warn("what a node told could not be used", "from", from, "what", kind, "error", err)
	}
}

// Unreachable implements remote.Receiver.
func (r receiver) Unreachable(s storage.ShardID, to storage.ReplicaID) {
	r.n.hosting.Unreachable(s, to)
}

// Linked implements remote.Receiver.
func (r receiver) Linked(peer metadata.NodeID, up bool) {
	r.n.here.Log.Info("link to a node changed", "peer", peer, "up", up)
	if up {
		r.n.here.Do(func() {
			r.n.leaders.TellAll(peer)
			r.n.space.Tell(peer)
		})
	} else {
		r.n.verified.Set(peer, false)
		r.failWaiting(peer)
		r.n.hosting.Down(peer)
	}
	r.n.here.Linked.Fire()
	r.n.leaders.News().Fire()
}

// answerQuestions says who answers what other nodes ask.
func (n *Node) answerQuestions() {
	t := question.NewTable(n.here)
	n.questions = t
	n.leaders.Answer(t)
	n.space.Answer(t)
	n.hosting.Answer(t)
	n.operator.Answer(t)
	n.observer.Answer(t)
	helloQuestion.Answered(t, n.greeted)
	runQuestion.AnsweredLater(t, n.answerRun)
	enterQuestion.AnsweredLater(t, n.answerEnter)
	expendableQuestion.Answered(t, n.answerExpendable)
}
