package sim

import (
	"context"
	"errors"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/remote"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// links are a process's connections to the others.
type links struct {
	p        *process
	receiver remote.Receiver
	peers    map[metadata.NodeID]*link
	order    []metadata.NodeID // of the peers
	sent     bool              // something waits for Flush
}

type link struct {
	up  bool
	out [2][]remote.Raft // gathered until Flush, by lane
}

var _ remote.Links = (*links)(nil)

// Start implements remote.Links.
func (l *links) Start(r remote.Receiver) error {
	l.receiver = r
	return nil
}

// Addresses implements remote.Links.
func (l *links) Addresses() (listen, advertised remote.Address) { return listen, advertised }

// SetPeer implements remote.Links. Machines are found by their id.
func (l *links) SetPeer(n metadata.NodeID, _ remote.Address) {
	if _, known := l.peers[n]; known || n == l.p.machine.id {
		return
	}
	l.peers[n] = &link{}
	l.order = append(l.order, n)
	l.p.world.watchLink(l.p.machine.id, n)
	l.p.world.watchLink(n, l.p.machine.id)
}

// RemovePeer implements remote.Links.
func (l *links) RemovePeer(n metadata.NodeID) {
	delete(l.peers, n)
	for i, o := range l.order {
		if o == n {
			l.order = append(l.order[:i:i], l.order[i+1:]...)
			return
		}
	}
}

// set tells the node that a link came up or went down.
func (l *links) set(n metadata.NodeID, up bool) {
	k := l.peers[n]
	if k == nil || k.up == up || l.receiver == nil {
		return
	}
	k.up = up
	l.p.world.note(l.p, "link to n%d up: %t", n, up)
	l.receiver.Linked(n, up)
	l.p.world.watchLink(l.p.machine.id, n) // it may have changed meanwhile
}

// bulkBytes is from how many bytes of entries a message takes the other lane.
const bulkBytes = 4 << 10

// Send implements remote.Links.
func (l *links) Send(to metadata.NodeID, m remote.Raft) {
	w := l.p.world
	w.sending(l.p, m)
	k := l.peers[to]
	if k == nil || !k.up {
		l.p.after(0, func() { l.receiver.Unreachable(m.Shard, storage.ReplicaID(m.Message.GetTo())) })
		return
	}
	at := 0
	if isBulk(m.Message) {
		at = 1
	}
	k.out[at] = append(k.out[at], m)
	l.sent = true
}

func isBulk(m *raftpb.Message) bool {
	if m.GetType() == raftpb.MsgSnap {
		return true
	}
	n := 0
	for _, e := range m.GetEntries() {
		n += len(e.Data)
	}
	return n > bulkBytes
}

// Read implements remote.Links: nothing is measured.
func (l *links) Read() []remote.PeerReading { return nil }

// SendAll implements remote.Links.
func (l *links) SendAll(to metadata.NodeID, beats []remote.Raft) {
	for _, m := range beats {
		l.Send(to, m)
	}
}

// Flush implements remote.Links.
func (l *links) Flush() {
	if !l.sent {
		return
	}
	l.sent = false
	for _, n := range l.order {
		k := l.peers[n]
		for at, messages := range k.out {
			if len(messages) > 0 {
				k.out[at] = nil
				l.transmit(n, at == 1, messages)
			}
		}
	}
}

func (l *links) transmit(to metadata.NodeID, bulk bool, messages []remote.Raft) {
	w := l.p.world
	other := w.machines[to].process
	if other == nil {
		return
	}
	from := l.p.machine.id
	w.post(l.p, other, bulk, func() {
		if other.links.receiver == nil {
			return
		}
		copies := make([]remote.Raft, len(messages))
		for i, m := range messages {
			w.received(other, m)
			copies[i] = remote.Raft{Shard: m.Shard, Message: copied(m.Message, w.wire)}
		}
		other.links.receiver.Raft(from, copies)
	})
}

// copied returns a message of the receiver's own. Entries are shared, for nobody ever writes to
// them, unless wire says that all is to go over one.
func copied(m *raftpb.Message, wire bool) *raftpb.Message {
	if wire {
		return proto.CloneOf(m)
	}
	c := &raftpb.Message{
		Type: m.Type, To: m.To, From: m.From, Term: m.Term, LogTerm: m.LogTerm, Index: m.Index, Commit: m.Commit, Vote: m.Vote,
		Snapshot: m.Snapshot, Reject: m.Reject, RejectHint: m.RejectHint, Context: m.Context,
	}
	c.Entries = append(c.Entries, m.Entries...)
	return c
}

var errUnlinked = errors.New("sim: the node is not linked")

// Ask implements remote.Links.
func (l *links) Ask(ctx context.Context, to metadata.NodeID, kind string, body []byte) ([]byte, error) {
	k := l.peers[to]
	if k == nil || !k.up || l.p.world.machines[to].process == nil {
		return nil, errUnlinked
	}
	return l.ask(ctx, l.p.world.machines[to].process, kind, body)
}

// AskAt implements remote.Links.
func (l *links) AskAt(ctx context.Context, address, kind string, body []byte) ([]byte, error) {
	for _, id := range l.p.world.order {
		if m := l.p.world.machines[id]; m.control() == address && m.process != nil {
			return l.ask(ctx, m.process, kind, body)
		}
	}
	return nil, errUnlinked
}

func (l *links) ask(ctx context.Context, other *process, kind string, body []byte) ([]byte, error) {
	w := l.p.world
	done := make(chan struct{})
	var answer []byte
	var failed error
	answered := false
	me := l.p.machine.id
	w.post(l.p, other, false, func() {
		if other.links.receiver == nil {
			return
		}
		w.event(other, "asked %s by n%d", kind, me)
		other.links.receiver.Ask(me, kind, append([]byte(nil), body...), func(b []byte, err error) {
			b = append([]byte(nil), b...)
			w.post(other, l.p, false, func() {
				if answered { // the answer came twice
					return
				}
				answered = true
				answer, failed = b, err
				if err != nil {
					failed = &remote.RemoteError{Text: err.Error()}
				}
				close(done)
			})
		})
	})
	if (runtime{l.p}).Wait(actors.Forever, done, ctx.Done()) == 1 {
		return nil, ctx.Err()
	}
	return answer, failed
}

// Tell implements remote.Links.
func (l *links) Tell(to metadata.NodeID, kind string, body []byte) { l.tell(to, false, kind, body) }

// Carry implements remote.Links.
func (l *links) Carry(to metadata.NodeID, kind string, body []byte) bool {
	return l.tell(to, true, kind, body)
}

func (l *links) tell(to metadata.NodeID, bulk bool, kind string, body []byte) bool {
	k := l.peers[to]
	if k == nil || !k.up || l.p.world.machines[to].process == nil {
		return false
	}
	other, from := l.p.world.machines[to].process, l.p.machine.id
	l.p.world.post(l.p, other, bulk, func() {
		if other.links.receiver != nil {
			other.links.receiver.Told(from, kind, append([]byte(nil), body...))
		}
	})
	return true
}

// Up implements remote.Links.
func (l *links) Up(n metadata.NodeID) bool { return l.peers[n] != nil && l.peers[n].up }

// Stop implements remote.Links.
func (l *links) Stop() { l.receiver = nil }
