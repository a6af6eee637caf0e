package batch

import (
	"encoding/binary"
	"hash/crc32"
)

// HeaderBytes is the size of a batch without records.
const HeaderBytes = 61

const (
	lengthAt    = 8
	epochAt     = 12
	magicAt     = 16
	crcAt       = 17
	attributeAt = 21
	deltaAt     = 23
	baseTimeAt  = 27
	maxTimeAt   = 35
	producerAt  = 43
	producerEAt = 51
	sequenceAt  = 53
	countAt     = 57
	prefixBytes = 12 // what the length does not count
)

// Attributes of a batch.
const (
	codecMask        = 0x07
	appendTimeBit    = 0x08
	transactionalBit = 0x10
	controlBit       = 0x20
	deleteHorizonBit = 0x40
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Batch is the bytes of one whole record batch. The accessors need HeaderBytes; Next and Check see
// to that.
type Batch []byte

// Next returns the first batch of some that lie back to back, and the rest. ok is false if what is
// there is not a whole batch of magic 2.
func Next(b []byte) (first Batch, rest []byte, ok bool) {
	if len(b) < HeaderBytes || b[magicAt] != 2 {
		return nil, b, false
	}
	n := int64(int32(binary.BigEndian.Uint32(b[lengthAt:]))) + prefixBytes
	if n < HeaderBytes || n > int64(len(b)) {
		return nil, b, false
	}
	return Batch(b[:n:n]), b[n:], true
}

func (b Batch) i64(at int) int64 { return int64(binary.BigEndian.Uint64(b[at:])) }
func (b Batch) i32(at int) int32 { return int32(binary.BigEndian.Uint32(b[at:])) }
func (b Batch) i16(at int) int16 { return int16(binary.BigEndian.Uint16(b[at:])) }

// BaseOffset is the offset of the first record.
func (b Batch) BaseOffset() int64 { return b.i64(0) }

// LastOffset is the offset of the last record.
func (b Batch) LastOffset() int64 { return b.BaseOffset() + int64(b.LastOffsetDelta()) }

// NextOffset is the offset behind the last record.
func (b Batch) NextOffset() int64 { return b.LastOffset() + 1 }

// LastOffsetDelta is the distance of the last offset from the first.
func (b Batch) LastOffsetDelta() int32 { return b.i32(deltaAt) }

// LeaderEpoch is the epoch of the leader that appended the batch.
func (b Batch) LeaderEpoch() int32 { return b.i32(epochAt) }

// Magic is the format's version.
func (b Batch) Magic() int8 { return int8(b[magicAt]) }

// Attributes are codec and flags.
func (b Batch) Attributes() int16 { return b.i16(attributeAt) }

// Codec is the compression of the records: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd.
func (b Batch) Codec() int8 { return int8(b.Attributes() & codecMask) }

// Transactional reports whether the batch is part of a transaction.
func (b Batch) Transactional() bool { return b.Attributes()&transactionalBit != 0 }

// Control reports whether the batch holds control records, which clients do not see.
func (b Batch) Control() bool { return b.Attributes()&controlBit != 0 }

// AppendTime reports whether the timestamps are the broker's.
func (b Batch) AppendTime() bool { return b.Attributes()&appendTimeBit != 0 }

// BaseTimestamp is what the records' timestamps count from, in ms since the epoch.
func (b Batch) BaseTimestamp() int64 { return b.i64(baseTimeAt) }

// MaxTimestamp is the largest timestamp, in ms since the epoch.
func (b Batch) MaxTimestamp() int64 { return b.i64(maxTimeAt) }

// ProducerID is the idempotent producer's id, -1 if there is none.
func (b Batch) ProducerID() int64 { return b.i64(producerAt) }

// ProducerEpoch is the epoch of the producer's id.
func (b Batch) ProducerEpoch() int16 { return b.i16(producerEAt) }

// BaseSequence is the producer's sequence number of the first record, -1 if there is none.
func (b Batch) BaseSequence() int32 { return b.i32(sequenceAt) }

// LastSequence is the producer's sequence number of the last record; numbers go on at 0 after
// 2³¹-1.
func (b Batch) LastSequence() int32 {
	return int32((int64(b.BaseSequence()) + int64(b.LastOffsetDelta())) & 0x7fffffff)
}

// Count is the number of records.
func (b Batch) Count() int32 { return b.i32(countAt) }

// Payload is the records, compressed if Codec says so.
func (b Batch) Payload() []byte { return b[HeaderBytes:] }

// SetBaseOffset writes the base offset, which the checksum does not cover.
func (b Batch) SetBaseOffset(offset int64) { binary.BigEndian.PutUint64(b, uint64(offset)) }

// SetLeaderEpoch writes the leader's epoch, which the checksum does not cover.
func (b Batch) SetLeaderEpoch(epoch int32) { binary.BigEndian.PutUint32(b[epochAt:], uint32(epoch)) }

// SetAppendTime makes the broker's time, in ms since the epoch, the timestamp of all records.
func (b Batch) SetAppendTime(ms int64) {
	binary.BigEndian.PutUint16(b[attributeAt:], uint16(b.Attributes()|appendTimeBit))
	binary.BigEndian.PutUint64(b[maxTimeAt:], uint64(ms))
	b.SetCRC()
}

// SetMaxTimestamp writes the largest timestamp, in ms since the epoch.
func (b Batch) SetMaxTimestamp(ms int64) {
	binary.BigEndian.PutUint64(b[maxTimeAt:], uint64(ms))
	b.SetCRC()
}

// SetProducer makes the batch an idempotent producer's, from a sequence number on.
func (b Batch) SetProducer(id int64, epoch int16, sequence int32) {
	binary.BigEndian.PutUint64(b[producerAt:], uint64(id))
	binary.BigEndian.PutUint16(b[producerEAt:], uint16(epoch))
	binary.BigEndian.PutUint32(b[sequenceAt:], uint32(sequence))
	b.SetCRC()
}

// SetTransaction says whether the batch belongs to its producer's transaction, and whether it holds
// the marker that ends one.
func (b Batch) SetTransaction(transactional, control bool) {
	attributes := b.Attributes() &^ (transactionalBit | controlBit)
	if transactional {
		attributes |= transactionalBit
	}
	if control {
		attributes |= controlBit
	}
	binary.BigEndian.PutUint16(b[attributeAt:], uint16(attributes))
	b.SetCRC()
}

// SetCRC writes the checksum of the batch as it is.
func (b Batch) SetCRC() { binary.BigEndian.PutUint32(b[crcAt:], b.checksum()) }

func (b Batch) checksum() uint32 { return crc32.Checksum(b[attributeAt:], castagnoli) }

// CRC is the checksum that the batch carries.
func (b Batch) CRC() uint32 { return binary.BigEndian.Uint32(b[crcAt:]) }
