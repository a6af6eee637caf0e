package batch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// MaxDecompressed is the most bytes that the records of one batch may take when they are decompressed. A few kilobytes can be compressed
// from gigabytes; without a bound one producer could use up a node's memory.
const MaxDecompressed = 128 << 20

// errTooLarge is returned for batches beyond MaxDecompressed.
var errTooLarge = errors.New("the decompressed records are larger than the limit")

// decompress returns what was compressed with a codec, at most limit bytes.
func decompress(codec int8, b []byte, limit int) ([]byte, error) {
	switch codec {
	case 0:
		return b, nil
	case 1:
		r, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			return nil, err
		}
		return readAll(r, limit)
	case 2:
		return unsnap(b, limit)
	case 3:
		return readAll(lz4.NewReader(bytes.NewReader(b)), limit)
	case 4:
		return unzstd(b, limit)
	}
	return nil, fmt.Errorf("codec %d is not known", codec)
}

// readAll reads to the end of r, which must come within limit bytes.
func readAll(r io.Reader, limit int) ([]byte, error) {
	out, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err == nil && len(out) > limit {
		err = errTooLarge
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

func unzstd(b []byte, limit int) ([]byte, error) {
	r, err := zstd.NewReader(bytes.NewReader(b), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(uint64(limit)), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return readAll(r, limit)
}

// xerial is how the Java client frames snappy: magic, version:4, compatible version:4, then blocks of size:4 and bytes.
var xerial = []byte{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0}

const xerialHeader = 16

func unsnap(b []byte, limit int) ([]byte, error) {
	if !bytes.HasPrefix(b, xerial) {
		return unsnapBlock(nil, b, limit)
	}
	if len(b) < xerialHeader {
		return nil, io.ErrUnexpectedEOF
	}
	var out []byte
	for b = b[xerialHeader:]; len(b) > 0; {
		if len(b) < 4 {
			return nil, io.ErrUnexpectedEOF
		}
		n := int64(binary.BigEndian.Uint32(b))
		if b = b[4:]; n > int64(len(b)) {
			return nil, io.ErrUnexpectedEOF
		}
		var err error
		if out, err = unsnapBlock(out, b[:n], limit); err != nil {
			return nil, err
		}
		b = b[n:]
	}
	return out, nil
}

// snappyRatio is more than snappy can compress: what a block claims beyond it is a lie.
const snappyRatio = 32

// unsnapBlock appends a decompressed block.
func unsnapBlock(out, block []byte, limit int) ([]byte, error) {
	n, err := s2.DecodedLen(block)
	switch {
	case err != nil:
		return nil, err
	case n > limit-len(out):
		return nil, errTooLarge
	case n > snappyRatio*len(block):
		return nil, s2.ErrCorrupt
	}
	plain, err := s2.Decode(nil, block)
	if err != nil {
		return nil, err
	}
	if out == nil {
		return plain, nil
	}
	return append(out, plain...), nil
}
