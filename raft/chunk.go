package raft

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/storage"
)

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

	// chunkEntries is how many entries a piece of a log holds at most, so that it fits one
	// storage.Append whatever their sizes.
	chunkEntries = 2000
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
		return nil, errUnknownForm
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
		return nil, errUnknownForm
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
