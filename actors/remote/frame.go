package remote

import (
	"encoding/binary"
	"errors"
	"fmt"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// A frame is what one link sends to the link at the other end, in one message of protoactor's.
// Integers are big-endian.
//
//	0         1      2      3        7      11              19          27
//	+---------+------+------+--------+------+---------------+-----------+--------------+
//	| version | kind | lane | from:4 | to:4 | incarnation:8 | session:8 | body         |
//	| :1      | :1   | :1   |        |      | of from       |           |              |
//	+---------+------+------+--------+------+---------------+-----------+--------------+
//
// Bodies: ping and pong: return address (the rest). credit: session:8, bytes:8. ask: id:8, length
// of kind:1, kind, length of return address:1, return address, question. answer: id:8, failed:1,
// answer or error text. tell: length of kind:1, kind, what is told. raft: again and again shard:8,
// length:4, raftpb.Message. marks: again and again shard:8, index:8, trace:16, span:8, of entries
// in the raft frame that follows on the lane.
type frame struct {
	kind        frameKind
	lane        lane
	from, to    metadata.NodeID
	incarnation uint64
	session     uint64
	body        []byte
}

type frameKind uint8

const (
	framePing frameKind = 1 + iota
	framePong
	frameCredit
	frameAsk
	frameAnswer
	frameRaft
	frameTell
	frameMarks
)

type lane uint8

const (
	control lane = iota
	bulk
	lanes
)

const (
	frameVersion = 1
	frameHeader  = 27
	raftHeader   = 12
)

var errFrame = errors.New("remote: a frame that this build does not understand")

// begin returns a buffer that starts with a frame's header, for the body to be appended.
func (f *frame) begin(room int) []byte { return f.over(make([]byte, 0, frameHeader+room)) }

// inRoom is begin in a buffer that the codec gives back. It gives back none that is so small that
// it is copied.
func (f *frame) inRoom(room int) []byte {
	if room <= smallData {
		return f.begin(room)
	}
	return f.over(*theBuffers.Get(frameHeader + room))
}

// over writes a frame's header over what is in a buffer.
func (f *frame) over(b []byte) []byte {
	b = append(b[:0], frameVersion, byte(f.kind), byte(f.lane))
	b = binary.BigEndian.AppendUint32(b, uint32(f.from))
	b = binary.BigEndian.AppendUint32(b, uint32(f.to))
	b = binary.BigEndian.AppendUint64(b, f.incarnation)
	return binary.BigEndian.AppendUint64(b, f.session)
}

func parseFrame(b []byte) (frame, error) {
	if len(b) < frameHeader || b[0] != frameVersion || b[2] >= byte(lanes) {
		return frame{}, errFrame
	}
	return frame{
		kind:        frameKind(b[1]),
		lane:        lane(b[2]),
		from:        metadata.NodeID(binary.BigEndian.Uint32(b[3:])),
		to:          metadata.NodeID(binary.BigEndian.Uint32(b[7:])),
		incarnation: binary.BigEndian.Uint64(b[11:]),
		session:     binary.BigEndian.Uint64(b[19:]),
		body:        b[frameHeader:],
	}, nil
}

// appendRaft adds a message to the body of a raft frame.
func appendRaft(b []byte, m Raft) ([]byte, error) {
	b = binary.BigEndian.AppendUint64(b, uint64(m.Shard))
	at := len(b)
	b = append(b, 0, 0, 0, 0)
	if m.Wire != nil {
		binary.BigEndian.PutUint32(b[at:], uint32(len(m.Wire)))
		return append(b, m.Wire...), nil
	}
	b, err := proto.MarshalOptions{}.MarshalAppend(b, m.Message)
	if err != nil {
		return nil, fmt.Errorf("remote: encode a raft message: %w", err)
	}
	binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at-4))
	return b, nil
}

// parseRaft adds the messages of a raft frame to all, less those that only a node itself may send
// to itself; beats are not decoded. They may keep b, which is theirs from now on.
func parseRaft(all []Raft, b []byte) ([]Raft, error) {
	frame := len(b)
	for len(b) > 0 {
		if len(b) < raftHeader || uint64(binary.BigEndian.Uint32(b[8:])) > uint64(len(b)-raftHeader) {
			return nil, errFrame
		}
		end := raftHeader + int(binary.BigEndian.Uint32(b[8:]))
		if body := b[raftHeader:end:end]; isBeat(body) {
			all = append(all, Raft{Shard: storage.ShardID(binary.BigEndian.Uint64(b)), Wire: body})
			b = b[end:]
			continue
		}
		m, err := parseMessage(b[raftHeader:end], frame)
		if err != nil {
			return nil, err
		}
		if !raft.IsLocalMsgTarget(m.GetFrom()) && !raft.IsLocalMsgTarget(m.GetTo()) && !raft.IsLocalMsg(m.GetType()) {
			all = append(all, Raft{Shard: storage.ShardID(binary.BigEndian.Uint64(b)), Message: m})
		}
		b = b[end:]
	}
	return all, nil
}

// laneOf returns the lane of a raft message. All of a shard's entries go the same way, or they
// would overtake one another.
func laneOf(m *raftpb.Message) lane {
	switch m.GetType() {
	case raftpb.MsgApp, raftpb.MsgSnap:
		return bulk
	}
	return control
}

// weight is about how many bytes a raft message takes on the wire, the same at both ends; nil
// stands for a beat.
func weight(m *raftpb.Message) int {
	n := 96
	for _, e := range m.GetEntries() {
		n += 32 + len(e.Data)
	}
	if m.GetSnapshot() != nil {
		n += len(m.GetSnapshot().GetData())
	}
	return n
}

// question is the body of an ask frame.
type question struct {
	id   uint64
	kind string
	back string // where to answer to
	body []byte
}

func (q question) appendTo(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, q.id)
	b = append(append(b, byte(len(q.kind))), q.kind...)
	b = append(append(b, byte(len(q.back))), q.back...)
	return append(b, q.body...)
}

func parseQuestion(b []byte) (q question, err error) {
	if len(b) < 8 {
		return q, errFrame
	}
	q.id, b = binary.BigEndian.Uint64(b), b[8:]
	if q.kind, b, err = shortString(b); err != nil {
		return q, err
	}
	if q.back, b, err = shortString(b); err != nil {
		return q, err
	}
	q.body = b
	return q, nil
}

func shortString(b []byte) (string, []byte, error) {
	if len(b) == 0 || len(b) < 1+int(b[0]) {
		return "", nil, errFrame
	}
	n := 1 + int(b[0])
	return string(b[1:n]), b[n:], nil
}
