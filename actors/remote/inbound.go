package remote

import (
	"encoding/binary"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/troupe-mq/troupe/raft/metadata"
)

// inbound is the actor that all frames of one lane come to.
type inbound struct {
	remotes  *Remotes
	inboxes  map[metadata.NodeID]*inbox
	messages []Raft                          // of the frame before, empty: for the next one
	marks    map[metadata.NodeID][]shardMark // that wait for their raft frame; nil if there are none
}

// Turn implements actors.Actor.
func (i *inbound) Turn(messages []any) {
	for _, m := range messages {
		v, ok := m.(*message)
		if !ok {
			continue
		}
		if err := i.take(v.frame); err != nil {
			i.remotes.log.Warn("a frame of a peer was dropped", "error", err, "bytes", len(v.frame))
		}
	}
}

// Stopped implements actors.Actor.
func (i *inbound) Stopped() {}

// take handles one frame.
func (i *inbound) take(b []byte) error {
	f, err := parseFrame(b)
	if err != nil {
		return err
	}
	r := i.remotes
	if f.to != r.options.Self && !(f.to == anyone && f.kind == frameAsk) {
		return nil // meant for a node that had this address before
	}
	p := r.peer(f.from)
	if p != nil && f.lane == control && p.hear(f, r.now()) {
		r.poke()
	}
	if p != nil {
		p.meter.received(f.lane, len(b))
	}
	switch f.kind {
	case framePing:
		pong := r.frame(framePong, control, f.from)
		pong.session = r.life
		r.reply(string(f.body), pong.begin(0))
	case framePong:
	case frameAsk:
		return r.asked(f)
	case frameAnswer:
		return r.asks.answer(f.from, f.body)
	case frameCredit:
		return credited(p, f)
	case frameMarks:
		return i.noted(f)
	case frameRaft:
		return i.raft(p, f)
	case frameTell:
		return i.told(p, f)
	default:
		return errFrame
	}
	return nil
}

// raft delivers raft messages.
func (i *inbound) raft(p *peer, f frame) error {
	messages, err := parseRaft(i.messages[:0], f.body)
	if err != nil {
		return err
	}
	defer i.keep(messages)
	i.mark(f.from, messages)
	n := 0
	for _, m := range messages {
		n += weight(m.Message)
	}
	i.counted(p, f, n, func() { i.remotes.receiver.Raft(f.from, messages) })
	return nil
}

// keptMessages is the largest slice that is kept for the next frame.
const keptMessages = 4096

// keep keeps the slice of messages that were delivered.
func (i *inbound) keep(messages []Raft) {
	clear(messages)
	if cap(messages) > keptMessages {
		messages = nil
	}
	i.messages = messages
}

// told delivers what was told.
func (i *inbound) told(p *peer, f frame) error {
	kind, body, err := shortString(f.body)
	if err != nil {
		return err
	}
	i.counted(p, f, told{kind, body}.weight(), func() { i.remotes.receiver.Told(f.from, kind, body) })
	return nil
}

// counted delivers n bytes and gives credit for them, unless the frame is of a connection that
// ended: what it brought was sent again, or given up.
func (i *inbound) counted(p *peer, f frame, n int, deliver func()) {
	if p == nil {
		deliver()
		return
	}
	box := i.inboxes[f.from]
	if box == nil {
		box = &inbox{session: f.session}
		i.inboxes[f.from] = box
	}
	if !box.open(f.session) {
		return
	}
	deliver()
	if !box.add(n) {
		return
	}
	c := i.remotes.frame(frameCredit, f.lane, f.from)
	c.session = f.session
	b := binary.BigEndian.AppendUint64(c.begin(16), f.session)
	p.out[control].Send(binary.BigEndian.AppendUint64(b, uint64(box.received)))
}

func credited(p *peer, f frame) error {
	if len(f.body) != 16 {
		return errFrame
	}
	if p != nil {
		p.windows[f.lane].credit(binary.BigEndian.Uint64(f.body), int64(binary.BigEndian.Uint64(f.body[8:])))
	}
	return nil
}

// reply sends a frame to whoever listens at an address, known as a peer or not.
func (r *Remotes) reply(address string, frame []byte) {
	if p := r.peerAt(control, address); p != nil {
		p.meter.sent(control, len(frame))
	}
	r.systems[control].Protoactor().Root.Send(actor.NewPID(address, linkName), &message{frame})
}
