package batch

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
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

var errRecords = errors.New("batch: records are malformed")

var decompressor = kgo.DefaultDecompressor()

// decompressed returns the records' bytes.
func (b Batch) decompressed() ([]byte, error) {
	if b.Codec() == 0 {
		return b.Payload(), nil
	}
	out, err := decompressor.Decompress(b.Payload(), kgo.CompressionCodecType(b.Codec()))
	if err != nil {
		return nil, fmt.Errorf("batch: decompress: %w", err)
	}
	return out, nil
}

// Records decodes all records; their bytes may alias the batch's.
func (b Batch) Records() ([]Record, error) {
	rest, err := b.decompressed()
	if err != nil {
		return nil, err
	}
	if int64(b.Count()) > int64(len(rest)) {
		return nil, errRecords
	}
	records := make([]Record, 0, b.Count())
	for range b.Count() {
		n, used := binary.Varint(rest)
		if used <= 0 || n < 0 || n > int64(len(rest)-used) {
			return nil, errRecords
		}
		r, ok := parse(rest[used : used+int(n)])
		if !ok {
			return nil, errRecords
		}
		r.Offset += b.BaseOffset()
		r.Timestamp += b.BaseTimestamp()
		if b.AppendTime() {
			r.Timestamp = b.MaxTimestamp()
		}
		records = append(records, r)
		rest = rest[used+int(n):]
	}
	return records, nil
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
