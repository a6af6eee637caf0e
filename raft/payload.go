package raft

import (
	"encoding/binary"
	"errors"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/storage"
)

// payload is what the data of a raft snapshot holds: the machine's state, where the log that goes
// with it begins, and, if it is small, that log. A log that is not small is pulled (see puller).
//
//	0         1             9            17                21
//	+---------+-------------+------------+-----------------+---------+---------+
//	| version | start       | start      | machine bytes:4 | machine | entries |
//	| :1      | index:8     | term:8     |                 |         |         |
//	+---------+-------------+------------+-----------------+---------+---------+
type payload struct {
	start   storage.Position
	machine []byte
	entries []*raftpb.Entry // behind start, all of them or none
}

const (
	payloadVersion = 1
	payloadHead    = 21
)

var errUnknownForm = errors.New("raft: a snapshot or a chunk that this build does not understand")

// whole reports whether the payload of a snapshot at an index lacks nothing of the log.
func (p *payload) whole(at uint64) bool {
	return p.start.Index+uint64(len(p.entries)) == at
}

func (p *payload) encode() []byte {
	b := make([]byte, 0, payloadHead+len(p.machine)+entriesSize(p.entries))
	b = append(b, payloadVersion)
	b = appendPosition(b, p.start)
	b = binary.BigEndian.AppendUint32(b, uint32(len(p.machine)))
	return appendEntries(append(b, p.machine...), p.entries)
}

func parsePayload(b []byte) (p payload, err error) {
	if len(b) < payloadHead || b[0] != payloadVersion || uint64(binary.BigEndian.Uint32(b[17:])) > uint64(len(b)-payloadHead) {
		return p, errUnknownForm
	}
	p.start = position(b[1:])
	end := payloadHead + int(binary.BigEndian.Uint32(b[17:]))
	if end > payloadHead { // an empty shard's state is nil
		p.machine = b[payloadHead:end:end]
	}
	p.entries, err = parseEntries(b[end:], p.start.Index+1)
	return p, err
}

func appendPosition(b []byte, p storage.Position) []byte {
	b = binary.BigEndian.AppendUint64(b, p.Index)
	return binary.BigEndian.AppendUint64(b, p.Term)
}

func position(b []byte) storage.Position {
	return storage.Position{Index: binary.BigEndian.Uint64(b), Term: binary.BigEndian.Uint64(b[8:])}
}

func entriesSize(entries []*raftpb.Entry) (n int) {
	for _, e := range entries {
		n += 20 + len(e.Data)
	}
	return n
}

// appendEntries writes entries that follow one another: of each type, term and length as varints,
// and the data.
func appendEntries(b []byte, entries []*raftpb.Entry) []byte {
	for _, e := range entries {
		b = binary.AppendUvarint(b, uint64(e.GetType()))
		b = binary.AppendUvarint(b, e.GetTerm())
		b = binary.AppendUvarint(b, uint64(len(e.Data)))
		b = append(b, e.Data...)
	}
	return b
}

// parseEntries reads entries, the first of which has the given index.
func parseEntries(b []byte, first uint64) ([]*raftpb.Entry, error) {
	var entries []*raftpb.Entry
	for len(b) > 0 {
		var head [3]uint64
		for i := range head {
			v, n := binary.Uvarint(b)
			if n <= 0 {
				return nil, errUnknownForm
			}
			head[i], b = v, b[n:]
		}
		n := head[2]
		if n > uint64(len(b)) {
			return nil, errUnknownForm
		}
		e := &raftpb.Entry{Type: raftpb.EntryType(head[0]).Enum(), Term: new(head[1]), Index: new(first + uint64(len(entries)))}
		if n > 0 {
			e.Data = b[:n:n]
		}
		entries, b = append(entries, e), b[n:]
	}
	return entries, nil
}
