package batch

import (
	"encoding/binary"
	"fmt"
)

// Filter returns the batch with the records that keep wants: itself if that is all, nil if it is none. The records that stay are the bytes that they were, in the
// batch's codec; offsets, sequence numbers and the base timestamp stay, and so does the last offset, whether its record does or not. It is what Kafka's
// cleaner makes of a batch.
func (b Batch) Filter(keep func(Record) bool) (Batch, error) {
	rest, err := b.decompressed()
	if err != nil {
		return nil, err
	}
	var kept []byte
	count, largest := int32(0), int64(-1)
	for range b.Count() {
		r, size, err := b.first(rest)
		if err != nil {
			return nil, err
		}
		if keep(r) {
			kept = append(kept, rest[:size]...)
			largest = max(largest, r.Timestamp)
			count++
		}
		rest = rest[size:]
	}
	switch {
	case len(rest) > 0:
		return nil, errRecords
	case count == b.Count():
		return b, nil
	case count == 0:
		return nil, nil
	}
	return b.with(kept, count, largest)
}

// first reads the first of the records that lie back to back, and tells how many bytes it takes.
func (b Batch) first(rest []byte) (Record, int, error) {
	n, used := binary.Varint(rest)
	if used <= 0 || n < 0 || n > int64(len(rest)-used) {
		return Record{}, 0, errRecords
	}
	r, ok := parse(rest[used : used+int(n)])
	if !ok {
		return Record{}, 0, errRecords
	}
	r.Offset += b.BaseOffset()
	r.Timestamp += b.BaseTimestamp()
	if b.AppendTime() {
		r.Timestamp = b.MaxTimestamp()
	}
	return r, used + int(n), nil
}

// with returns the batch with other records in it, compressed as these were.
func (b Batch) with(records []byte, count int32, largest int64) (Batch, error) {
	records, err := encode(b.Codec(), records)
	if err != nil {
		return nil, fmt.Errorf("batch: compress: %w", err)
	}
	out := append(append(make(Batch, 0, HeaderBytes+len(records)), b[:HeaderBytes]...), records...)
	binary.BigEndian.PutUint32(out[countAt:], uint32(count))
	binary.BigEndian.PutUint64(out[maxTimeAt:], uint64(largest))
	out.finish()
	return out, nil
}
