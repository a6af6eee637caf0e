package remote

import (
	"bytes"
	"fmt"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// Field numbers of raftpb.
const (
	messageEntries = 7
	entryType      = 1
	entryTerm      = 2
	entryIndex     = 3
	entryData      = 4
)

// parseMessage decodes a raft message that came in a frame of so many bytes. The data of an entry
// that is most of the frame stays where it is. All else is copied: raft holds entries for a while,
// and a small one must not hold a large frame.
func parseMessage(b []byte, frame int) (*raftpb.Message, error) {
	m := &raftpb.Message{}
	var rest []byte // the message without its entries
	for left := b; len(left) > 0; {
		number, kind, n := protowire.ConsumeTag(left)
		if n < 0 {
			return nil, fmt.Errorf("%w: %v", errFrame, protowire.ParseError(n))
		}
		value := protowire.ConsumeFieldValue(number, kind, left[n:])
		if value < 0 {
			return nil, fmt.Errorf("%w: %v", errFrame, protowire.ParseError(value))
		}
		field := left[:n+value]
		left = left[n+value:]
		if number != messageEntries || kind != protowire.BytesType {
			rest = append(rest, field...)
			continue
		}
		body, _ := protowire.ConsumeBytes(field[n:])
		e, ok := parseEntry(body, frame)
		if !ok {
			return m, unmarshal(b, m)
		}
		m.Entries = append(m.Entries, e)
	}
	if len(m.Entries) == 0 {
		return m, unmarshal(b, m)
	}
	return m, merge(rest, m)
}

func unmarshal(b []byte, m *raftpb.Message) error {
	m.Entries = nil
	return merge(b, m)
}

// merge adds what is encoded in b to a message.
func merge(b []byte, m *raftpb.Message) error {
	if err := (proto.UnmarshalOptions{Merge: true}).Unmarshal(b, m); err != nil {
		return fmt.Errorf("%w: %v", errFrame, err)
	}
	return nil
}

// parseEntry decodes an entry; false if there is anything unusual about it.
func parseEntry(b []byte, frame int) (*raftpb.Entry, bool) {
	e := &raftpb.Entry{}
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return nil, false
		}
		b = b[n:]
		switch {
		case number == entryData && kind == protowire.BytesType:
			if e.Data, n = protowire.ConsumeBytes(b); n < 0 {
				return nil, false
			}
			if 2*len(e.Data) < frame {
				e.Data = bytes.Clone(e.Data)
			} else {
				e.Data = e.Data[:len(e.Data):len(e.Data)] // nobody appends to the frame
			}
		case kind == protowire.VarintType:
			var v uint64
			if v, n = protowire.ConsumeVarint(b); n < 0 || !setField(e, number, v) {
				return nil, false
			}
		default:
			return nil, false
		}
		b = b[n:]
	}
	return e, true
}

func setField(e *raftpb.Entry, number protowire.Number, v uint64) bool {
	switch number {
	case entryType:
		if v > uint64(raftpb.EntryConfChangeV2) {
			return false
		}
		e.Type = raftpb.EntryType(v).Enum()
	case entryTerm:
		e.Term = &v
	case entryIndex:
		e.Index = &v
	default:
		return false
	}
	return true
}
