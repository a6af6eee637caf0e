package raft

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/storage"
)

// parcel is what the data of a raft snapshot holds: the machine's state, where the log that goes
// with it begins, and, if it is small, that log. A log that is not small is pulled (see puller).
//
//	0         1             9            17                21
//	+---------+-------------+------------+-----------------+---------+---------+
//	| version | start       | start      | machine bytes:4 | machine | entries |
//	| :1      | index:8     | term:8     |                 |         |         |
//	+---------+-------------+------------+-----------------+---------+---------+
type parcel struct {
	start   storage.Position
	machine []byte
	entries []*raftpb.Entry // behind start, all of them or none
}

const (
	parcelVersion = 1
	parcelHead    = 21

	// chunkEntries is how many entries a piece of a log holds at most, so that it fits one
	// storage.Append whatever their sizes.
	chunkEntries = 2000
)

var errParcel = errors.New("raft: a snapshot or a chunk that this build does not understand")

// whole reports whether the parcel of a snapshot at an index lacks nothing of the log.
func (p *parcel) whole(at uint64) bool {
	return p.start.Index+uint64(len(p.entries)) == at
}

func (p *parcel) encode() []byte {
	b := make([]byte, 0, parcelHead+len(p.machine)+entriesSize(p.entries))
	b = append(b, parcelVersion)
	b = appendPosition(b, p.start)
	b = binary.BigEndian.AppendUint32(b, uint32(len(p.machine)))
	return appendEntries(append(b, p.machine...), p.entries)
}

func openParcel(b []byte) (p parcel, err error) {
	if len(b) < parcelHead || b[0] != parcelVersion || uint64(binary.BigEndian.Uint32(b[17:])) > uint64(len(b)-parcelHead) {
		return p, errParcel
	}
	p.start = position(b[1:])
	end := parcelHead + int(binary.BigEndian.Uint32(b[17:]))
	if end > parcelHead { // an empty shard's state is nil
		p.machine = b[parcelHead:end:end]
	}
	p.entries, err = parseEntries(b[end:], p.start.Index+1)
	return p, err
}

// Chunk is a piece of a log, in answer to a Pull.
type Chunk struct {
	Shard  storage.ShardID
	To     storage.ReplicaID // who pulls
	Stream uint64            // of the Pull
	Seq    uint64            // counts the chunks of a stream
	Gone   bool              // the source cannot give this part of the log
	First  uint64            // index of the first entry
	// Entries follow one another; at most as many as fit a chunk, and one at least unless Gone.
	Entries []*raftpb.Entry
}

// Pull asks for a log: chunk after chunk, as many as there is credit for. It repeats itself and may
// be lost.
type Pull struct {
	Shard  storage.ShardID
	From   storage.ReplicaID // who pulls
	To     storage.ReplicaID // who has the log
	Stream uint64            // another one for every new beginning
	Seq    uint64            // of the chunk that begins with Next
	Next   uint64            // first index that did not come yet
	Upto   uint64            // last index wanted
	Credit uint64            // chunks below this number may be sent
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

const (
	pullBytes = 64
	chunkHead = 37
)

// Encode writes a Pull as it travels: its eight numbers.
func (p *Pull) Encode() []byte {
	b := make([]byte, 0, pullBytes)
	for _, v := range []uint64{uint64(p.Shard), uint64(p.From), uint64(p.To), p.Stream, p.Seq, p.Next, p.Upto, p.Credit} {
		b = binary.BigEndian.AppendUint64(b, v)
	}
	return b
}

// ParsePull reads what Encode wrote.
func ParsePull(b []byte) (*Pull, error) {
	if len(b) != pullBytes {
		return nil, errParcel
	}
	v := func(i int) uint64 { return binary.BigEndian.Uint64(b[8*i:]) }
	return &Pull{
		Shard: storage.ShardID(v(0)), From: storage.ReplicaID(v(1)), To: storage.ReplicaID(v(2)),
		Stream: v(3), Seq: v(4), Next: v(5), Upto: v(6), Credit: v(7),
	}, nil
}

// Encode writes a Chunk as it travels.
//
//	0         4         12     20         28    36     37        45
//	+---------+---------+------+----------+-----+------+---------+---------+
//	| crc32c  | shard   | to   | stream   | seq | gone | first   | entries |
//	| :4      | :8      | :8   | :8       | :8  | :1   | :8      |         |
//	+---------+---------+------+----------+-----+------+---------+---------+
func (c *Chunk) Encode() []byte {
	b := make([]byte, 4, chunkHead+8+entriesSize(c.Entries))
	for _, v := range []uint64{uint64(c.Shard), uint64(c.To), c.Stream, c.Seq} {
		b = binary.BigEndian.AppendUint64(b, v)
	}
	b = append(b, 0)
	if c.Gone {
		b[36] = 1
	}
	b = binary.BigEndian.AppendUint64(b, c.First)
	b = appendEntries(b, c.Entries)
	binary.BigEndian.PutUint32(b, crc32.Checksum(b[4:], castagnoli))
	return b
}

// ParseChunk reads what Encode wrote. The entries keep b.
func ParseChunk(b []byte) (*Chunk, error) {
	if len(b) < chunkHead+8 {
		return nil, errParcel
	}
	if crc32.Checksum(b[4:], castagnoli) != binary.BigEndian.Uint32(b) {
		return nil, fmt.Errorf("%w: the checksum of a chunk of %d bytes does not match", storage.ErrCorrupt, len(b))
	}
	v := func(at int) uint64 { return binary.BigEndian.Uint64(b[at:]) }
	c := &Chunk{
		Shard: storage.ShardID(v(4)), To: storage.ReplicaID(v(12)), Stream: v(20), Seq: v(28), Gone: b[36] != 0, First: v(37),
	}
	var err error
	c.Entries, err = parseEntries(b[45:], c.First)
	return c, err
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
				return nil, errParcel
			}
			head[i], b = v, b[n:]
		}
		n := head[2]
		if n > uint64(len(b)) {
			return nil, errParcel
		}
		e := &raftpb.Entry{Type: raftpb.EntryType(head[0]).Enum(), Term: new(head[1]), Index: new(first + uint64(len(entries)))}
		if n > 0 {
			e.Data = b[:n:n]
		}
		entries, b = append(entries, e), b[n:]
	}
	return entries, nil
}
