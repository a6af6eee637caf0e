package replica

import (
	"bytes"
	"sync/atomic"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"github.com/troupe-mq/troupe/actors/remote"
	"github.com/troupe-mq/troupe/raft"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// idle is an idle replica as its node sees it: while nothing but beats comes, the node says and
// hears them in the replica's stead, without a turn. Only what was heard is noted; the replica
// hears of it when it has a turn again, before its time goes on. So a beat costs some atomic
// accesses where a turn costs microseconds, and to raft all is as if every beat had been stepped.
type idle struct {
	leads bool
	beats []beat
	says  []Said // one for each beat
}

// beat is one of an idle replica's, with one other member.
type beat struct {
	raft.Beat
	in     []byte      // In, encoded
	recent atomic.Bool // heard since the last look
	ever   atomic.Bool // heard since the replica became idle
}

// Said is a message that an idle replica has for a node.
type Said struct {
	To      metadata.NodeID
	Message *raftpb.Message // not to be changed
	Wire    []byte          // its encoding
}

// Hear takes a message that came for the replica if it is idle and this is only a beat; false if
// the actor is to have it. The answer is to be sent, if it has a message. Of a beat that is not
// decoded only that is known which is as expected to the last byte.
func (r *Ref) Hear(m *remote.Raft) (answer Said, ok bool) {
	i := r.idle.Load()
	if i == nil {
		return answer, false
	}
	for k := range i.beats {
		b := &i.beats[k]
		if !b.is(m) {
			continue
		}
		b.ever.Store(true)
		b.recent.Store(true)
		if !i.leads {
			answer = i.says[k]
		}
		return answer, true
	}
	return answer, false
}

// is reports whether a message is what is heard at this beat.
func (b *beat) is(m *remote.Raft) bool {
	if m.Message == nil {
		return bytes.Equal(m.Wire, b.in)
	}
	return b.Expects(m.Message)
}

// Idle reports whether the replica is idle at the moment. One that is has a leader.
func (r *Ref) Idle() bool { return r.idle.Load() != nil }

// Rested reports whether the replica was idle all the time since the last call; what it shows is
// what it was then. To be called by one goroutine.
func (r *Ref) Rested() bool {
	i := r.idle.Load()
	rested := i != nil && i == r.rested
	r.rested = i
	return rested
}

// Pass tells that the ticks from one heartbeat to the next passed. It returns how many of them the
// actor is to be told of, and what an idle leader says. For an idle replica that heard all it
// expects the ticks are as nothing, as a heartbeat takes them back. To be called by one goroutine.
// What is said is not to be changed.
func (r *Ref) Pass(ticks int) (due int, say []Said) {
	i := r.idle.Load()
	if i == nil {
		return ticks, nil
	}
	switch heard := i.heard(); {
	case !heard && i.leads:
		return ticks, nil
	case !heard:
		// those before the last look too: they were taken back for something heard before them
		return 2 * ticks, nil
	case !i.leads:
		return 0, nil
	}
	return 0, i.says
}

// heard reports whether all beats were heard since the last call.
func (i *idle) heard() bool {
	all := true
	for k := range i.beats {
		all = i.beats[k].recent.Swap(false) && all
	}
	return all
}

// doze makes the replica idle if it is, and this turn is one in which it may begin: a leader's
// heartbeats have just left, or a follower has just heard one.
func (a *Actor) doze() {
	begins := a.beaten
	a.beaten = false
	if !begins || !a.settled() {
		return
	}
	beats := a.replica.Idle()
	if beats == nil {
		return
	}
	i := &idle{leads: a.status.Role == raft.Leader, beats: make([]beat, len(beats)), says: make([]Said, len(beats))}
	for k, b := range beats {
		with := a.nodeOf(b.With)
		if with == nobody {
			return
		}
		i.says[k] = Said{with, b.Out, encoded(b.Out)}
		i.beats[k].Beat, i.beats[k].in = b, encoded(b.In)
		i.beats[k].recent.Store(!i.leads)
	}
	a.ref.bytes.Store(a.content.size())
	a.idle = i
	a.ref.idle.Store(i)
}

// encoded is a message as links carry it.
func encoded(m *raftpb.Message) []byte {
	b, err := proto.Marshal(m)
	if err != nil {
		panic(err) // numbers are all there is in a beat
	}
	return b
}

// settled reports whether time brings nothing that the actor itself has to do: what the others see
// of it is what it is.
func (a *Actor) settled() bool {
	switch {
	case a.broken != nil, a.eager.on, a.change.moving, len(a.waiting) > 0, len(a.content.leadershipChecks().all) > 0:
		return false
	case !a.membersShown(a.replica.Membership()):
		return false
	case a.status.Role != raft.Leader:
		return true
	}
	conf := a.replica.Members()
	return (a.change.version == 0 || !a.due()) &&
		len(a.inSync) == len(conf.GetVoters()) && len(a.replica.Near())+1 == len(conf.GetVoters())+len(conf.GetLearners())
}

// wake ends being idle: something happens.
func (a *Actor) wake() {
	if a.idle == nil {
		return
	}
	a.ref.idle.Store(nil)
	for k := range a.idle.beats {
		if b := &a.idle.beats[k]; b.ever.Load() {
			a.heard = append(a.heard, b.In)
		}
	}
	a.idle = nil
}

// catchUp has raft hear what was heard while the replica was idle, before its time goes on.
func (a *Actor) catchUp() error {
	for _, m := range a.heard {
		if m.GetTerm() != a.status.Term || m.GetType() == raftpb.MsgHeartbeat && storage.ReplicaID(m.GetFrom()) != a.status.Leader {
			// of a leadership that is over, or of a leader that is known to be gone since: it would be given
			// back
			continue
		}
		if err := a.replica.Step(m); err != nil {
			return err
		}
	}
	a.heard = nil
	return nil
}
