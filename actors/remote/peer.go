package remote

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// linkName is the name of the actor that frames are sent to, on every node and lane.
const linkName = "link"

// peer is what a node holds of another: for each lane an actor that packs frames, and the window
// that bounds what is under way.
type peer struct {
	id      metadata.NodeID
	address Address
	out     [lanes]actors.Address
	windows [lanes]window
	meter   *peerMeter

	up atomic.Bool
	// when something came over the control lane last, in ns of the process's clock; 0 if not since the
	// link was lost
	heard     atomic.Int64
	life      atomic.Uint64 // of the peer's process, as its pings tell; 0 if unknown
	lost      atomic.Bool   // the connection, or the peer's process, ended since the last look
	connected atomic.Bool   // this node's own connection on the control lane is there
	probed    atomic.Int64  // when a ping was sent that waits for the connection; 0 if none

	mu        sync.Mutex
	snapshots map[snapshot]struct{} // sent in this session of the bulk lane
}

// snapshot is a raft snapshot to a replica. Raft waits for word of it, where it repeats everything
// else unasked.
type snapshot struct {
	shard storage.ShardID
	to    storage.ReplicaID
}

// hear notes a frame of the control lane and reports whether the peer's state may have changed by
// it. Only an answer to a ping brings a link up, because both ways must work; anything keeps it up.
func (p *peer) hear(f frame, now int64) bool {
	if f.kind == framePing || f.kind == framePong {
		if before := p.life.Swap(f.session); before != 0 && before != f.session {
			p.lost.Store(true) // another process than before, even if no connection was seen to end
			return true
		}
	}
	up := p.up.Load()
	if up || f.kind == framePong {
		p.heard.Store(now)
	}
	return !up && f.kind == framePong
}

func (p *peer) host(l lane) string {
	if l == bulk {
		return p.address.Bulk
	}
	return p.address.Control
}

// outbound is the link actor of one peer and lane: it packs all that a turn brings into as few
// frames as possible.
type outbound struct {
	remotes *Remotes
	peer    *peer
	lane    lane
	pid     *actor.PID
}

// Turn implements actors.Actor.
func (o *outbound) Turn(messages []any) {
	p := packing{o: o}
	for i, m := range messages {
		switch m := m.(type) {
		case Raft:
			p.add(m, messages[i:])
		case []Raft:
			for _, beat := range m {
				p.add(beat, messages[i:])
			}
		case told:
			p.send() // in the order told
			o.send(o.tell(m))
		case []byte:
			o.send(m)
		}
	}
	p.send()
}

// packing is the raft frame that a turn fills, and the marks that go before it.
type packing struct {
	o        *outbound
	b, marks []byte
}

// add adds a message, the first of those that follow. A large one has a frame for itself, where its
// entries can stay at the other end.
func (p *packing) add(m Raft, follow []any) {
	n := weight(m.Message)
	if n >= largeMessage {
		p.send()
		follow = follow[:1]
	}
	if len(m.Marks) > 0 {
		p.marks = p.o.mark(p.marks, m)
	}
	if p.b == nil {
		f := p.o.remotes.frame(frameRaft, p.o.lane, p.o.peer.id)
		f.session = p.o.peer.windows[p.o.lane].now()
		p.b = f.inRoom(roomFor(follow))
	}
	next, err := appendRaft(p.b, m)
	if err != nil {
		p.o.remotes.options.Fatal(err) // raft made a message that cannot be encoded
		return
	}
	if p.b = next; n >= largeMessage || len(p.b) >= frameTarget {
		p.send()
	}
}

// send sends the frame, if there is one.
func (p *packing) send() {
	if p.b != nil {
		p.o.sendMarked(p.marks, p.b)
		p.b, p.marks = nil, nil
	}
}

// roomFor is how many bytes the messages take that go into one frame.
func roomFor(messages []any) (room int) {
	for _, m := range messages {
		n := 0
		switch m := m.(type) {
		case Raft:
			n = m.size()
		case []Raft:
			for i := range m {
				n += m[i].size()
			}
		}
		if n >= largeMessage && room > 0 {
			break
		}
		if room += n; room >= frameTarget {
			break
		}
	}
	return room
}

// Stopped implements actors.Actor.
func (o *outbound) Stopped() {}

// told is something to be told.
type told struct {
	kind string
	body []byte
}

func (t told) weight() int { return 96 + len(t.body) }

func (o *outbound) tell(t told) []byte {
	f := o.remotes.frame(frameTell, o.lane, o.peer.id)
	f.session = o.peer.windows[o.lane].now()
	b := f.begin(1 + len(t.kind) + len(t.body))
	b = append(append(b, byte(len(t.kind))), t.kind...)
	return append(b, t.body...)
}

// Tell implements Links.
func (r *Remotes) Tell(to metadata.NodeID, kind string, body []byte) {
	r.tell(control, to, told{kind, body})
}

// Carry implements Links.
func (r *Remotes) Carry(to metadata.NodeID, kind string, body []byte) bool {
	return r.tell(bulk, to, told{kind, body})
}

func (r *Remotes) tell(l lane, to metadata.NodeID, t told) bool {
	p := r.peer(to)
	if p == nil || !p.up.Load() || !p.windows[l].take(t.weight()) {
		return false
	}
	p.out[l].Send(t)
	return true
}

func (o *outbound) send(frame []byte) {
	o.peer.meter.sent(o.lane, len(frame))
	o.remotes.systems[o.lane].Protoactor().Root.Send(o.pid, &message{frame})
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
		if p != nil {
			p.meter.lanes[l].dropped.Add(1)
		}
		if n := weight(m.Message); n > largestFrame {
			r.log.Error("a raft message is too large to be sent: the replica stays behind", "shard", m.Shard, "to", to, "type", m.Message.GetType(), "bytes", n, "limit", largestFrame)
		}
		r.receiver.Unreachable(m.Shard, storage.ReplicaID(m.Message.GetTo()))
		return
	}
	if m.Message.GetType() == raftpb.MsgSnap {
		p.mu.Lock()
		p.snapshots[snapshot{m.Shard, storage.ReplicaID(m.Message.GetTo())}] = struct{}{}
		p.mu.Unlock()
	}
	p.out[l].Send(m)
}

// resetBulk begins another session of a peer's bulk lane and reports the snapshots of the one that
// ended.
func (r *Remotes) resetBulk(p *peer) {
	p.windows[bulk].reset()
	p.mu.Lock()
	gone := p.snapshots
	p.snapshots = make(map[snapshot]struct{})
	p.mu.Unlock()
	for s := range gone {
		r.receiver.Unreachable(s.shard, s.to)
	}
}

// Flush implements Links: the link actors pack what has gathered by the time of their turn.
func (r *Remotes) Flush() {}

// ping asks a peer for a sign of life, unless it gave one just now: between nodes that share shards
// there are always beats. What is sent while there is no connection waits for it, so then only one
// is sent, and another now and then should it have been lost.
func (r *Remotes) ping(p *peer) {
	now := r.now()
	switch connected := p.connected.Load(); {
	case connected && p.up.Load() && time.Duration(now-p.heard.Load()) < quietFor:
		return
	case !connected:
		if probed := p.probed.Load(); probed != 0 && time.Duration(now-probed) < probeEvery {
			return
		}
		p.probed.Store(now)
	}
	f := r.frame(framePing, control, p.id)
	f.session = r.life
	p.out[control].Send(append(f.begin(len(r.advertised.Control)), r.advertised.Control...))
}

// look notes whether a peer has been silent too long.
func (r *Remotes) look(p *peer, now int64) {
	lost := p.lost.Swap(false)
	if lost {
		p.heard.Store(0)
	}
	heard := p.heard.Load()
	up := heard != 0 && time.Duration(now-heard) < silentFor
	if p.up.Swap(up) == up {
		return
	}
	p.windows[control].reset()
	r.resetBulk(p)
	if !up {
		r.asks.fail(p.id)
	}
	if !up && !lost {
		// a connection over which nothing comes would come back late, if ever: repetitions get rare
		r.hangUp(p)
	}
	r.receiver.Linked(p.id, up)
}
