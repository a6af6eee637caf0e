package batch

import (
	"encoding/binary"
	"fmt"
)

// Filter returns the batch with the records that keep wants: itself if that is all, nil if it is
// none. The records that stay are the bytes that they were, in the batch's codec; offsets, sequence
// numbers and the base timestamp stay, and so does the last offset, whether its record does or not.
// It is what Kafka's cleaner makes of a batch. It holds the records that stay in memory if some go,
// else none.
func (b Batch) Filter(keep func(Outline) bool) (Batch, error) {
	var stays []bool
	count, largest := int32(0), int64(-1)
	err := b.Outlines(func(o Outline) bool {
		stays = append(stays, keep(o))
		if stays[len(stays)-1] {
			largest = max(largest, o.Timestamp)
			count++
		}
		return true
	})
	switch {
	case err != nil:
		return nil, err
	case count == b.Count():
		return b, nil
	case count == 0:
		return nil, nil
	}
	kept, err := b.cut(stays)
	if err != nil {
		return nil, err
	}
	return b.with(kept, count, largest)
}

// cut returns the bytes of the records that stay.
func (b Batch) cut(stays []bool) (kept []byte, err error) {
	s := b.open(MaxDecompressed)
	defer s.close()
	for _, stay := range stays {
		size := s.int()
		if stay {
			kept = s.copy(binary.AppendVarint(kept, size), size)
		} else {
			s.skip(size)
		}
	}
	return kept, s.err
}

// first reads the first of the records that lie back to back, and tells how many bytes it takes.
func (b Batch) first(rest []byte) (Record, int, error) {
	n, used := binary.Varint(rest)
	if used <= 0 || n < 0 || n > int64(len(rest)-used) {
		return Record{}, 0, ErrRecords
	}
	r, ok := parse(rest[used : used+int(n)])
	if !ok {
		return Record{}, 0, ErrRecords
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
