package node

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/troupe-mq/troupe/actors/remote"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/actors/space"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// The questions that nodes put to each other.
const (
	askHello  = "hello"  // hello → hello
	askSubmit = "submit" // a command → outcome
	askLead   = "lead"   // own leaderships → nothing
	askRun    = "run"    // a life → judgement
	askRest   = "rest"   // whether the asking node drains → nothing
	askSpace  = "space"  // how full the asking node's disk is → nothing
	askEnter  = "enter"  // an entry → admission
	askGroup  = "group"  // members of shards → which of them the asked node cannot forget
	askMoves  = "moves"  // nothing → how the changes of members are that the asked node leads
	askPlan   = "plan"   // nothing → what the supervisor does

	askTransfer = "transfer" // a leadership to hand over → nothing
	askStanding = "standing" // a shard → how its members stand, from its leader
	askReport   = "report"   // nothing → health.Report
	askLeft     = "left"     // nothing → what replicas of the asked node have on disk
	// a recovery.Step → nothing, once the replica goes on without the lost ones
	askForce = "force"
	// a node → the shards that the asked node leads and that can do without what that one holds
	askSpared = "spared"
	// places in logs that the asked node leads → how far behind their ends they are
	askEnds = "ends"
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
	full := r.n.spaces.own() == space.Full || r.n.crowded()
	running, answers := r.n.replicas.now(), beats{room: len(messages)}
	for i := range messages {
		m := &messages[i]
		if full && bulky(m.Shard, m.Message) {
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
	if ref := r.n.replicas.get(s); ref != nil {
		ref.Send(&replica.Unreachable{To: to})
	}
}

// Linked implements remote.Receiver.
func (r receiver) Linked(peer metadata.NodeID, up bool) {
	r.n.here.Log.Info("link to a node changed", "peer", peer, "up", up)
	if up {
		r.n.here.Do(func() { r.n.tellAll(peer) })
	} else {
		r.n.verified.Set(peer, false)
		r.failWaiting(peer)
		r.n.replicas.each(func(ref *replica.Ref) { ref.Send(&replica.Down{Node: peer}) })
	}
	r.n.here.Linked.Fire()
	r.n.leaders.news.Fire()
}

// answer answers a question of a node that may ask it.
func (r receiver) answer(from metadata.NodeID, kind string, body []byte, reply func([]byte, error)) {
	switch kind {
	case askHello:
		reply(r.n.greeted(body))
	case askRun:
		r.n.looked(from, body, reply)
	case askEnter:
		r.n.entering(body, reply)
	case askGroup:
		reply(r.n.confirm(body))
	case askMoves:
		reply(json.Marshal(r.n.moves()))
	case askPlan:
		reply(r.n.planned())
	case askSubmit:
		r.n.submitted(body, reply)
	case askLead:
		words, err := decodeLeads(body)
		if err == nil {
			r.n.leaders.told(from, words)
		}
		reply(nil, err)
	case askSpace:
		r.n.spaceTold(from, body)
		reply(nil, nil)
	case askRest:
		r.n.resting.Set(from, len(body) > 0 && body[0] == 1)
		reply(nil, nil)
	case askEnds:
		r.n.answering(reply, func() { reply(r.n.askedEnds(body)) }) // it may read from the store
	case askTransfer:
		reply(r.n.transferAsked(body))
	case askStanding:
		r.n.standingAsked(body, reply)
	case askReport:
		r.n.reportAsked(reply)
	case askSpared:
		r.n.sparingAsked(body, reply)
	case askLeft:
		r.n.survivorsAsked(reply)
	case askForce:
		r.n.forceAsked(body, reply)
	default:
		reply(nil, fmt.Errorf("node %d does not know the question %q: is it of an older version?", r.n.here.ID, kind))
	}
}
