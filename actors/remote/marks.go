package remote

import (
	"encoding/binary"

	"github.com/troupe-mq/troupe/actors/spans"
	"github.com/troupe-mq/troupe/actors/stages"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// markBytes is a mark's size in a frame of marks; marksKept is how many wait for their raft frame
// at most.
const (
	markBytes = 40
	marksKept = 1024
)

// shardMark is a mark and the shard that it is of.
type shardMark struct {
	shard storage.ShardID
	spans.Mark
}

// appendMarks adds a message's marks to the body of a frame of marks.
func appendMarks(b []byte, m Raft) []byte {
	for _, k := range m.Marks {
		b = binary.BigEndian.AppendUint64(b, uint64(m.Shard))
		b = binary.BigEndian.AppendUint64(b, k.Index)
		b = append(append(b, k.Trace[:]...), k.Span[:]...)
	}
	return b
}

func parseMarks(b []byte) ([]shardMark, error) {
	if len(b)%markBytes != 0 || len(b) > marksKept*markBytes {
		return nil, errFrame
	}
	all := make([]shardMark, 0, len(b)/markBytes)
	for ; len(b) > 0; b = b[markBytes:] {
		k := shardMark{shard: storage.ShardID(binary.BigEndian.Uint64(b))}
		k.Index = binary.BigEndian.Uint64(b[8:])
		copy(k.Trace[:], b[16:])
		copy(k.Span[:], b[32:])
		all = append(all, k)
	}
	return all, nil
}

// mark adds a message's marks to the frame of marks that goes before its raft frame.
func (o *outbound) mark(b []byte, m Raft) []byte {
	if b == nil {
		b = o.remotes.frame(frameMarks, o.lane, o.peer.id).begin(len(m.Marks) * markBytes)
	}
	if len(b)+len(m.Marks)*markBytes > frameHeader+marksKept*markBytes {
		return b // the rest is not traced further
	}
	return appendMarks(b, m)
}

// sendMarked sends a raft frame, behind its marks if it has some.
func (o *outbound) sendMarked(marks, raft []byte) {
	if marks != nil {
		o.send(marks)
	}
	o.send(raft)
}

// noted takes a frame of marks, which belongs to the raft frame that comes next from that peer.
func (i *inbound) noted(f frame) error {
	marks, err := parseMarks(f.body)
	if err == nil {
		if i.marks == nil {
			i.marks = make(map[metadata.NodeID][]shardMark)
		}
		i.marks[f.from] = marks
	}
	return err
}

// mark gives messages the marks that came before them.
func (i *inbound) mark(from metadata.NodeID, messages []Raft) {
	if i.marks == nil {
		return
	}
	marks := i.marks[from]
	delete(i.marks, from)
	if len(i.marks) == 0 {
		i.marks = nil
	}
	now := stages.Now()
	for n := range messages {
		m := &messages[n]
		entries := m.Message.GetEntries()
		if len(entries) == 0 {
			continue
		}
		first, last := entries[0].GetIndex(), entries[len(entries)-1].GetIndex()
		for _, k := range marks {
			if k.shard == m.Shard && k.Index >= first && k.Index <= last {
				m.Marks, m.Arrived = append(m.Marks, k.Mark), now
			}
		}
	}
}
