package batch

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Build makes an uncompressed batch of records, without a producer. Record offsets count from 0 in
// the order given; the largest timestamp becomes the batch's.
func Build(records []Record) Batch {
	base, largest := records[0].Timestamp, records[0].Timestamp
	for _, r := range records {
		largest = max(largest, r.Timestamp)
	}
	b := make(Batch, HeaderBytes)
	for i, r := range records {
		b = appendRecord(b, int64(i), r.Timestamp-base, r)
	}
	b[magicAt] = 2
	binary.BigEndian.PutUint32(b[epochAt:], 0xffffffff)
	binary.BigEndian.PutUint32(b[deltaAt:], uint32(len(records)-1))
	binary.BigEndian.PutUint64(b[baseTimeAt:], uint64(base))
	binary.BigEndian.PutUint64(b[maxTimeAt:], uint64(largest))
	binary.BigEndian.PutUint64(b[producerAt:], ^uint64(0))
	binary.BigEndian.PutUint16(b[producerEAt:], 0xffff)
	binary.BigEndian.PutUint32(b[sequenceAt:], 0xffffffff)
	binary.BigEndian.PutUint32(b[countAt:], uint32(len(records)))
	b.finish()
	return b
}

// finish sets what depends on the size.
func (b Batch) finish() {
	binary.BigEndian.PutUint32(b[lengthAt:], uint32(len(b)-prefixBytes))
	b.SetCRC()
}

func appendRecord(b []byte, offset, timestamp int64, r Record) []byte {
	body := []byte{0}
	body = binary.AppendVarint(body, timestamp)
	body = binary.AppendVarint(body, offset)
	body = appendBytes(body, r.Key)
	body = appendBytes(body, r.Value)
	body = binary.AppendVarint(body, int64(len(r.Headers)))
	for _, h := range r.Headers {
		body = appendBytes(body, []byte(h.Key))
		body = appendBytes(body, h.Value)
	}
	b = binary.AppendVarint(b, int64(len(body)))
	return append(b, body...)
}

func appendBytes(b, v []byte) []byte {
	if v == nil {
		return binary.AppendVarint(b, -1)
	}
	b = binary.AppendVarint(b, int64(len(v)))
	return append(b, v...)
}

// Recompress returns the batch with its records in another codec (0 none, 1 gzip, 2 snappy, 3 lz4,
// 4 zstd).
func (b Batch) Recompress(codec int8) (Batch, error) {
	records, err := b.decompressed()
	if err != nil {
		return nil, err
	}
	if records, err = encode(codec, records); err != nil {
		return nil, fmt.Errorf("batch: compress: %w", err)
	}
	out := append(append(make(Batch, 0, HeaderBytes+len(records)), b[:HeaderBytes]...), records...)
	attributes := b.Attributes()&^codecMask | int16(codec)
	binary.BigEndian.PutUint16(out[attributeAt:], uint16(attributes))
	out.finish()
	return out, nil
}

// encode returns records in a codec.
func encode(codec int8, records []byte) ([]byte, error) {
	if codec == 0 {
		return records, nil
	}
	c, err := compressors[codec]()
	if err != nil {
		return nil, err
	}
	records, _ = c.Compress(new(bytes.Buffer), records)
	return records, nil
}

// compressors by codec. They keep what they need from one batch to the next, which is a lot.
var compressors = [5]func() (kgo.Compressor, error){
	1: sync.OnceValues(func() (kgo.Compressor, error) { return kgo.DefaultCompressor(kgo.GzipCompression()) }),
	2: sync.OnceValues(func() (kgo.Compressor, error) { return kgo.DefaultCompressor(kgo.SnappyCompression()) }),
	3: sync.OnceValues(func() (kgo.Compressor, error) { return kgo.DefaultCompressor(kgo.Lz4Compression()) }),
	4: sync.OnceValues(func() (kgo.Compressor, error) { return kgo.DefaultCompressor(kgo.ZstdCompression()) }),
}
