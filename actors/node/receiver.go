package node

import (
	"encoding/json"
	"errors"

	"github.com/troupe-mq/troupe/actors/node/question"
	"github.com/troupe-mq/troupe/actors/node/upkeep"
	"github.com/troupe-mq/troupe/actors/remote"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/actors/space"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// What nodes tell each other.
const (
	tellPull  = "pull"  // a raft.Pull
	tellChunk = "chunk" // a raft.Chunk
	tellRun   = "run"   // a life
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
	if !r.n.verified.While(from, func() { r.handOut(from, messages) }) {
		r.n.verify(from)
	}
}

func (r receiver) handOut(from metadata.NodeID, messages []remote.Raft) {
	full := r.n.space.Own() == space.Full || r.n.crowded()
	running, answers := r.n.replicas.now(), beats{room: len(messages)}
	for i := range messages {
		m := &messages[i]
		if full && upkeep.Bulky(m.Shard, m.Message) {
			continue // as if it were lost: the leader sends it again
		}
		h := running.byShard[m.Shard]
		if h == nil {
			continue
		}
		answer, ok := h.ref.Hear(m)
		if !ok && m.Message == nil {
			if err := m.Decode(); err != nil {
				r.n.here.Log.Warn("a message of a peer was dropped", "peer", from, "partition", r.n.nameOf(m.Shard), "error", err)
				continue
			}
			answer, ok = h.ref.Hear(m)
		}
		switch {
		case !ok:
			h.ref.Send(replica.StepOf(from, *m))
		case answer.Message != nil:
			answers.add(m.Shard, answer)
		}
	}
	answers.send(r.n.here.Links)
	r.n.here.Links.Flush()
}

// Told implements remote.Receiver.
func (r receiver) Told(from metadata.NodeID, kind string, body []byte) {
	var err error
	switch {
	case !r.n.verified.Has(from):
		r.n.verify(from)
	case kind == tellPull:
		err = r.n.lend(from, body)
	case kind == tellChunk:
		err = r.n.chunk(body)
	case kind == tellRun:
		var told life
		if err = json.Unmarshal(body, &told); err == nil {
			r.n.lives.note(from, told)
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
	if ref := r.n.replicas.Get(s); ref != nil {
		ref.Send(&replica.Unreachable{To: to})
	}
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
		r.n.replicas.Each(func(ref *replica.Ref) { ref.Send(&replica.Down{Node: peer}) })
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
	helloQuestion.Answered(t, n.greeted)
	runQuestion.AnsweredLater(t, n.looked)
	enterQuestion.AnsweredAside(t, n.admit)
	groupQuestion.Answered(t, n.confirm)
	movesQuestion.Answered(t, n.moves)
	planQuestion.Answered(t, n.planned)
	submitQuestion.AnsweredLater(t, n.submitted)
	endsQuestion.AnsweredAside(t, n.ends) // it may read from the store
	standingQuestion.AnsweredAside(t, n.standingAsked)
	reportQuestion.AnsweredAside(t, n.reportAsked)
	sparedQuestion.Answered(t, n.sparingAsked)
	leftQuestion.AnsweredAside(t, n.survivorsAsked)
	forceQuestion.AnsweredLater(t, n.forceAsked)
}
