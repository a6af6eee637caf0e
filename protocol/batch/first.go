package batch

import (
	"bytes"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// firstBytes is how far into the decompressed records FirstHeader looks, and firstSnappy up to which size it looks into what snappy
// compressed, which has no beginning that can be had alone.
const (
	firstBytes  = 32 << 10
	firstSnappy = 64 << 10
)

// FirstHeader returns the value of a header of the batch's first record. It costs no more than the beginning of the batch: a record that does
// not end there counts as one without the header.
func (b Batch) FirstHeader(name string) ([]byte, bool) {
	c := cursor{b: b.beginning()}
	n := c.varint()
	if c.bad || n <= 0 || n > int64(len(c.b)) {
		return nil, false
	}
	c.b = c.b[1:n] // attributes are unused
	c.varint()
	c.varint()
	c.bytes()
	c.bytes()
	for left := c.varint(); left > 0 && !c.bad; left-- {
		key, value := c.bytes(), c.bytes()
		if string(key) == name && !c.bad {
			return value, true
		}
	}
	return nil, false
}

// beginning returns the first of the records' bytes, nil if they cannot be had cheaply.
func (b Batch) beginning() []byte {
	switch b.Codec() {
	case 0:
		return b.Payload()
	case 2:
		if len(b) > firstSnappy {
			return nil
		}
		plain, err := unsnap(b.Payload(), firstSnappy*snappyRatio)
		if err != nil {
			return nil
		}
		return plain
	}
	pool := readers[b.Codec()]
	if pool == nil {
		return nil
	}
	r := pool.Get().(resetting)
	defer pool.Put(r)
	if r.Reset(bytes.NewReader(b.Payload())) != nil {
		return nil
	}
	plain := make([]byte, firstBytes)
	got, _ := io.ReadFull(r, plain) // what comes before an error is as good as the rest
	return plain[:got]
}

// resetting is a decompressor that is used again and again.
type resetting interface {
	io.Reader
	Reset(io.Reader) error
}

// readers are decompressors by codec.
var readers = map[int8]*sync.Pool{
	1: {New: func() any { return &gzip.Reader{} }},
	3: {New: func() any { return lz4Reader{lz4.NewReader(nil)} }},
	4: {New: func() any {
		r, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(MaxDecompressed))
		if err != nil {
			panic(err) // the options are wrong
		}
		return r
	}},
}

// lz4Reader gives lz4's reader the Reset that the others have.
type lz4Reader struct{ *lz4.Reader }

// Reset implements resetting.
func (r lz4Reader) Reset(from io.Reader) error {
	r.Reader.Reset(from)
	return nil
}
