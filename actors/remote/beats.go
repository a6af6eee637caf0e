package remote

import (
	"errors"
	"fmt"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// A beat is a heartbeat or the answer to one. They are most of what idle nodes say, always the
// same, and known to both ends: so they are encoded once, and only decoded where they are not, byte
// for byte, what is expected.

// isBeat reports whether an encoded message begins as a beat does. (Any encoding of one that does
// not is decoded like other messages.)
func isBeat(b []byte) bool {
	return len(b) >= 2 && b[0] == 1<<3 && (b[1] == byte(raftpb.MsgHeartbeat) || b[1] == byte(raftpb.MsgHeartbeatResp))
}

var errNotBeat = errors.New("remote: a message that begins as a heartbeat and is none, or one that only a node itself may send to itself")

// Decode has Message be there.
func (m *Raft) Decode() error {
	if m.Message != nil {
		return nil
	}
	beat := &raftpb.Message{}
	if err := proto.Unmarshal(m.Wire, beat); err != nil {
		return fmt.Errorf("%w: %v", errFrame, err)
	}
	t := beat.GetType()
	if t != raftpb.MsgHeartbeat && t != raftpb.MsgHeartbeatResp || len(beat.GetEntries()) > 0 || raft.IsLocalMsgTarget(beat.GetFrom()) || raft.IsLocalMsgTarget(beat.GetTo()) {
		return errNotBeat
	}
	m.Message, m.Wire = beat, nil
	return nil
}

// size is about how many bytes a message takes in a frame.
func (m *Raft) size() int {
	if m.Wire != nil {
		return raftHeader + len(m.Wire)
	}
	return raftHeader + weight(m.Message)
}

// SendAll implements Links.
func (r *Remotes) SendAll(to metadata.NodeID, beats []Raft) {
	n := 0
	for _, m := range beats {
		n += weight(m.Message)
	}
	p := r.peer(to)
	if p != nil && p.up.Load() && p.windows[control].take(n) {
		p.out[control].Send(beats)
		return
	}
	if p != nil {
		p.meter.lanes[control].dropped.Add(uint64(len(beats)))
	}
	for _, m := range beats {
		r.receiver.Unreachable(m.Shard, storage.ReplicaID(m.Message.GetTo()))
	}
}
