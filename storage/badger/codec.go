package badger

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/storage"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

const (
	sealBytes  = 8
	entryBytes = 17
)

var nodeKey = []byte{'N'}

func replicaKey(kind byte, r storage.ReplicaID) []byte {
	return binary.BigEndian.AppendUint64([]byte{kind}, uint64(r))
}

func entryKey(r storage.ReplicaID, generation uint32, index uint64) []byte {
	key := make([]byte, 0, 21)
	key = binary.BigEndian.AppendUint64(append(key, 'L'), uint64(r))
	key = binary.BigEndian.AppendUint32(key, generation)
	return binary.BigEndian.AppendUint64(key, index)
}

func parseEntryKey(key []byte) (r storage.ReplicaID, generation uint32, index uint64) {
	return parseReplica(key), binary.BigEndian.Uint32(key[9:]), binary.BigEndian.Uint64(key[13:])
}

func parseReplica(key []byte) storage.ReplicaID {
	return storage.ReplicaID(binary.BigEndian.Uint64(key[1:]))
}

func chunkKey(r storage.ReplicaID, n uint32) []byte {
	return binary.BigEndian.AppendUint32(replicaKey('C', r), n)
}

// sealed returns a buffer for a value with a body of n bytes, to be filled behind sealBytes and
// then sealed.
func sealed(n int) []byte { return make([]byte, sealBytes, sealBytes+n) }

// seal sets length and checksum.
func seal(value []byte) []byte {
	body := value[sealBytes:]
	binary.BigEndian.PutUint32(value, uint32(len(body)))
	binary.BigEndian.PutUint32(value[4:], crc32.Checksum(body, castagnoli))
	return value
}

// open returns the body of a value that is whole.
func open(value []byte) ([]byte, error) {
	if len(value) < sealBytes {
		return nil, fmt.Errorf("%w: a value of %d bytes", storage.ErrCorrupt, len(value))
	}
	body := value[sealBytes:]
	if n := binary.BigEndian.Uint32(value); uint64(n) != uint64(len(body)) {
		return nil, fmt.Errorf("%w: %d bytes where %d were written", storage.ErrCorrupt, len(body), n)
	}
	if crc := crc32.Checksum(body, castagnoli); crc != binary.BigEndian.Uint32(value[4:]) {
		return nil, fmt.Errorf("%w: the checksum of %d bytes does not match", storage.ErrCorrupt, len(body))
	}
	return body, nil
}

// encodeEntry writes an entry into an empty buffer that has room for it.
func encodeEntry(room []byte, e *raftpb.Entry) []byte {
	b := room[:sealBytes]
	b = append(b, byte(e.GetType()))
	b = binary.BigEndian.AppendUint64(b, e.GetTerm())
	b = binary.BigEndian.AppendUint64(b, e.GetIndex())
	return seal(append(b, e.Data...))
}

// decodeEntry makes an entry of a value; its data aliases the value.
func decodeEntry(value []byte, index uint64) (*raftpb.Entry, error) {
	body, err := open(value)
	if err != nil {
		return nil, err
	}
	if len(body) < entryBytes || binary.BigEndian.Uint64(body[9:]) != index {
		return nil, fmt.Errorf("%w: another entry lies where entry %d should", storage.ErrCorrupt, index)
	}
	e := &raftpb.Entry{
		Type:  raftpb.EntryType(body[0]).Enum(),
		Term:  new(binary.BigEndian.Uint64(body[1:])),
		Index: new(index),
	}
	if len(body) > entryBytes {
		e.Data = body[entryBytes:]
	}
	return e, nil
}

// recordWords is how many integers a record has; the first of them are all that a record of a build
// before Next has.
const (
	recordWords    = 18
	oldRecordWords = 13
)

// record is what the store keeps in memory, and under 'H', of a replica.
type record struct {
	storage.Held
	chunks uint32 // of the checkpoint; 0 if there is none
}

func (h *record) words() [recordWords]uint64 {
	s := &h.State
	return [recordWords]uint64{
		uint64(s.Shard), uint64(s.Replica), uint64(s.Generation), s.Term, s.Vote, s.Commit,
		s.Start.Index, s.Start.Term, s.Last.Index, s.Last.Term,
		h.Checkpoint.Index, h.Checkpoint.Term, uint64(h.chunks),
		s.Next.Start.Index, s.Next.Start.Term, s.Next.Last.Index, s.Next.Last.Term, boolean(h.Suspect),
	}
}

func boolean(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

func encodeRecord(h record) []byte {
	b := sealed(8 * recordWords)
	for _, v := range h.words() {
		b = binary.BigEndian.AppendUint64(b, v)
	}
	return seal(b)
}

func decodeRecord(value []byte) (h record, err error) {
	body, err := open(value)
	if err != nil {
		return h, err
	}
	if len(body) >= 8*oldRecordWords && len(body) < 8*recordWords {
		body = append(body[:len(body):len(body)], make([]byte, 8*recordWords-len(body))...)
	}
	if len(body) != 8*recordWords {
		return h, fmt.Errorf("%w: a record of %d bytes: was it written by a newer version?", storage.ErrCorrupt, len(body))
	}
	v := func(i int) uint64 { return binary.BigEndian.Uint64(body[8*i:]) }
	h.Known = true
	h.State = storage.State{
		Shard: storage.ShardID(v(0)), Replica: storage.ReplicaID(v(1)), Generation: uint32(v(2)),
		Term: v(3), Vote: v(4), Commit: v(5),
		Start: storage.Position{Index: v(6), Term: v(7)},
		Last:  storage.Position{Index: v(8), Term: v(9)},
		Next: storage.Stretch{
			Start: storage.Position{Index: v(13), Term: v(14)},
			Last:  storage.Position{Index: v(15), Term: v(16)},
		},
	}
	h.Checkpoint = storage.Position{Index: v(10), Term: v(11)}
	h.chunks = uint32(v(12))
	h.Suspect = v(17) != 0
	return h, nil
}
