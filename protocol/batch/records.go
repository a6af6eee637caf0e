package batch

import (
	"encoding/binary"
	"fmt"
)

// Header is a header of a record.
type Header struct {
	Key   string
	Value []byte // nil for null
}

// Record is a record of a batch.
type Record struct {
	Offset    int64
	Timestamp int64  // ms since the epoch
	Key       []byte // nil for null
	Value     []byte // nil for null
	Headers   []Header
}

// decompressed returns the records' bytes.
func (b Batch) decompressed() ([]byte, error) {
	out, err := decompress(b.Codec(), b.Payload(), MaxDecompressed)
	if err != nil {
		return nil, fmt.Errorf("%w: decompress: %w", ErrRecords, err)
	}
	return out, nil
}

// Records decodes all records; their bytes may alias the batch's. It takes some 15 bytes of memory
// for each byte of small records: Each is for who does not need them all.
func (b Batch) Records() ([]Record, error) {
	var records []Record
	err := b.Each(func(r Record) bool {
		if records == nil {
			records = make([]Record, 0, b.Count())
		}
		records = append(records, r)
		return true
	})
	if err != nil {
		return nil, err
	}
	return records, nil
}

// Each calls f with the records in order, until f returns false. Their bytes may alias the batch's.
func (b Batch) Each(f func(Record) (more bool)) error {
	rest, err := b.decompressed()
	if err != nil {
		return err
	}
	if int64(b.Count())*minRecord > int64(len(rest)) {
		return ErrRecords
	}
	for range b.Count() {
		r, size, err := b.first(rest)
		if err != nil {
			return err
		}
		if !f(r) {
			return nil
		}
		rest = rest[size:]
	}
	return nil
}

// cursor reads varints and byte strings; bad is set at the first that does not fit.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) varint() int64 {
	v, n := binary.Varint(c.b)
	if n <= 0 {
		c.bad = true
		return 0
	}
	c.b = c.b[n:]
	return v
}

// bytes reads a byte string; nil for null.
func (c *cursor) bytes() []byte {
	n := c.varint()
	if n < 0 || c.bad {
		return nil
	}
	if n > int64(len(c.b)) {
		c.bad = true
		return nil
	}
	v := c.b[:n:n]
	c.b = c.b[n:]
	return v
}

// parse reads a record without its length; offset and timestamp are deltas.
func parse(b []byte) (Record, bool) {
	if len(b) == 0 {
		return Record{}, false
	}
	c := &cursor{b: b[1:]} // attributes are unused
	r := Record{Timestamp: c.varint(), Offset: c.varint(), Key: c.bytes(), Value: c.bytes()}
	n := c.varint()
	if c.bad || n < 0 || n > int64(len(c.b)) {
		return r, false
	}
	for ; n > 0 && !c.bad; n-- {
		r.Headers = append(r.Headers, Header{string(c.bytes()), c.bytes()})
	}
	return r, !c.bad && len(c.b) == 0
}
