package remote

import (
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// linkName is the name of the actor that frames are sent to, on every node and lane.
const linkName = "link"

// peer is what a node holds of another: for each lane an actor that packs frames, and the window that bounds what is under way.
type peer struct {
	id      metadata.NodeID
	address Address
	out     [lanes]*actors.Address
	windows [lanes]window

	up      atomic.Bool
	heard   atomic.Int64 // when something came over the control lane last, in ns of the process's clock; 0 if the connection was lost since
	dialing atomic.Bool  // a message is waiting for the connection already
}

func (p *peer) host(l lane) string {
	if l == bulk {
		return p.address.Bulk
	}
	return p.address.Control
}

// outbound is the link actor of one peer and lane: it packs all that a turn brings into as few frames as possible.
type outbound struct {
	remotes *Remotes
	peer    *peer
	lane    lane
	pid     *actor.PID
}

// Turn implements actors.Actor.
func (o *outbound) Turn(messages []any) {
	var b []byte
	for _, m := range messages {
		switch m := m.(type) {
		case Raft:
			if b == nil {
				f := o.remotes.frame(frameRaft, o.lane, o.peer.id)
				f.session = o.peer.windows[o.lane].now()
				b = f.begin(min(weight(m.Message), frameTarget) + raftHeader)
			}
			next, err := appendRaft(b, m)
			if err != nil {
				o.remotes.options.Fatal(err) // raft made a message that cannot be encoded
				return
			}
			b = next
			if len(b) >= frameTarget {
				o.send(b)
				b = nil
			}
		case []byte:
			o.send(m)
		}
	}
	if b != nil {
		o.send(b)
	}
}

// Stopped implements actors.Actor.
func (o *outbound) Stopped() {}

func (o *outbound) send(frame []byte) {
	o.remotes.systems[o.lane].Protoactor().Root.Send(o.pid, &wrapperspb.BytesValue{Value: frame})
}

// frame starts a frame to a node.
func (r *Remotes) frame(k frameKind, l lane, to metadata.NodeID) *frame {
	return &frame{kind: k, lane: l, from: r.options.Self, to: to, incarnation: r.options.Incarnation}
}

// Send implements Links.
func (r *Remotes) Send(to metadata.NodeID, m Raft) {
	p := r.peer(to)
	l := laneOf(m.Message)
	if p == nil || !p.up.Load() || !p.windows[l].take(weight(m.Message)) {
		r.receiver.Unreachable(m.Shard, storage.ReplicaID(m.Message.GetTo()))
		return
	}
	p.out[l].Send(m)
}

// Flush implements Links: the link actors pack what has gathered by the time of their turn.
func (r *Remotes) Flush() {}

// ping asks a peer for a sign of life. While there is no connection only one message waits for it.
func (r *Remotes) ping(p *peer) {
	if !p.up.Load() && p.dialing.Swap(true) {
		return
	}
	b := r.frame(framePing, control, p.id).begin(len(r.options.Advertised.Control))
	p.out[control].Send(append(b, r.options.Advertised.Control...))
}

// look notes whether a peer has been silent too long.
func (r *Remotes) look(p *peer, now int64) {
	heard := p.heard.Load()
	up := heard != 0 && time.Duration(now-heard) < silentFor
	if p.up.Swap(up) == up {
		return
	}
	for l := range p.windows {
		p.windows[l].reset()
	}
	r.receiver.Linked(p.id, up)
}
