package badger

import (
	"encoding/binary"
	"encoding/json"
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

func entryPrefix(r storage.ReplicaID, generation uint32) []byte {
	return binary.BigEndian.AppendUint32(replicaKey('L', r), generation)
}

func entryKey(r storage.ReplicaID, generation uint32, index uint64) []byte {
	return binary.BigEndian.AppendUint64(entryPrefix(r, generation), index)
}

// sealed returns a buffer for a value with a body of n bytes, to be filled behind sealBytes and then sealed.
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

func encodeEntry(e *raftpb.Entry) []byte {
	b := sealed(entryBytes + len(e.Data))
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

func encodeState(s storage.State) []byte {
	b := sealed(80)
	for _, v := range []uint64{
		uint64(s.Shard), uint64(s.Replica), uint64(s.Generation), s.Term, s.Vote, s.Commit,
		s.Start.Index, s.Start.Term, s.Last.Index, s.Last.Term,
	} {
		b = binary.BigEndian.AppendUint64(b, v)
	}
	return seal(b)
}

func decodeState(value []byte) (storage.State, error) {
	body, err := open(value)
	if err != nil {
		return storage.State{}, err
	}
	if len(body) != 80 {
		return storage.State{}, fmt.Errorf("%w: a state of %d bytes: was it written by a newer version?", storage.ErrCorrupt, len(body))
	}
	v := func(i int) uint64 { return binary.BigEndian.Uint64(body[8*i:]) }
	return storage.State{
		Shard: storage.ShardID(v(0)), Replica: storage.ReplicaID(v(1)), Generation: uint32(v(2)),
		Term: v(3), Vote: v(4), Commit: v(5),
		Start: storage.Position{Index: v(6), Term: v(7)},
		Last:  storage.Position{Index: v(8), Term: v(9)},
	}, nil
}

// encodeCheckpoint writes index, term, length of the configuration, configuration, machine.
func encodeCheckpoint(c *storage.Checkpoint) ([]byte, error) {
	conf, err := json.Marshal(c.Conf)
	if err != nil {
		return nil, err
	}
	b := sealed(20 + len(conf) + len(c.Machine))
	b = binary.BigEndian.AppendUint64(b, c.Index)
	b = binary.BigEndian.AppendUint64(b, c.Term)
	b = binary.BigEndian.AppendUint32(b, uint32(len(conf)))
	b = append(b, conf...)
	return seal(append(b, c.Machine...)), nil
}

func decodeCheckpoint(value []byte) (*storage.Checkpoint, error) {
	body, err := open(value)
	if err != nil {
		return nil, err
	}
	if len(body) < 20 || uint64(len(body)) < 20+uint64(binary.BigEndian.Uint32(body[16:])) {
		return nil, fmt.Errorf("%w: a checkpoint of %d bytes", storage.ErrCorrupt, len(body))
	}
	n := 20 + int(binary.BigEndian.Uint32(body[16:]))
	c := &storage.Checkpoint{Conf: &raftpb.ConfState{}}
	c.Index, c.Term = binary.BigEndian.Uint64(body), binary.BigEndian.Uint64(body[8:])
	if err := json.Unmarshal(body[20:n], c.Conf); err != nil {
		return nil, fmt.Errorf("%w: the members in a checkpoint: %v", storage.ErrCorrupt, err)
	}
	if n < len(body) {
		c.Machine = body[n:]
	}
	return c, nil
}
