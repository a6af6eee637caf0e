package batch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/golang/snappy"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// inflater streams what was compressed. Inflaters are pooled: they take no memory from one batch to
// the next, and what one holds is bounded (see each codec).
type inflater interface {
	io.Reader
	// start begins with other compressed bytes, of which at most limit come out. nil lets go of the
	// bytes before.
	start(compressed []byte, limit int) error
	// unread is how many of the compressed bytes were not needed.
	unread() int
}

// inflaters are pools by codec. Codec 0 has none.
var inflaters = [5]*sync.Pool{
	1: {New: func() any { return &streamed{decoder: &gzip.Reader{}} }},
	2: {New: func() any { return &snapped{} }},
	3: {New: func() any { return &framed{streamed{decoder: lz4Reader{lz4.NewReader(nil)}}} }},
	4: {New: func() any { return &streamed{decoder: newZstd()} }},
}

// maxWindow is the largest window of a zstd frame: what level 19 has, and what RFC 8878 asks every
// decoder to take. A frame of a few bytes can claim one of gigabytes, and the decoder allocates it.
const maxWindow = 8 << 20

// newZstd returns a decoder without goroutines of its own.
func newZstd() *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		panic(err) // the options are wrong
	}
	return d
}

// resetting is a decoder that is used again and again.
type resetting interface {
	io.Reader
	Reset(io.Reader) error
}

// streamed inflates by a decoder that reads a stream.
type streamed struct {
	from    bytes.Reader
	decoder resetting
}

func (s *streamed) start(compressed []byte, _ int) error {
	s.from.Reset(compressed)
	if compressed == nil {
		return nil
	}
	return s.decoder.Reset(&s.from)
}

func (s *streamed) Read(p []byte) (int, error) { return s.decoder.Read(p) }

func (s *streamed) unread() int { return s.from.Len() }

// lz4Reader gives lz4's reader the Reset that the others have.
type lz4Reader struct{ *lz4.Reader }

// Reset implements resetting.
func (r lz4Reader) Reset(from io.Reader) error {
	r.Reader.Reset(from)
	return nil
}

// framed inflates LZ4 frames. It takes those that Kafka's clients can read: a frame of version 1
// with independent blocks, without a dictionary (see Kafka's Lz4BlockInputStream).
type framed struct{ streamed }

const (
	lz4Magic    = 0x184d2204 // little-endian
	lz4FlagMask = 0xe3       // version, independent blocks, reserved, dictionary
	lz4Flags    = 0x60       // version 1, blocks are independent
)

var errFrame = errors.New("it is not an LZ4 frame of version 1 with independent blocks")

func (f *framed) start(compressed []byte, limit int) error {
	if compressed == nil {
		return f.streamed.start(nil, limit)
	}
	if len(compressed) < 5 || binary.LittleEndian.Uint32(compressed) != lz4Magic || compressed[4]&lz4FlagMask != lz4Flags {
		return errFrame
	}
	return f.streamed.start(compressed, limit)
}

// snapped inflates snappy: one block, or blocks in the frames of the Java client.
type snapped struct {
	rest  []byte // compressed, not inflated yet
	plain []byte // inflated, not read yet
	space []byte // where blocks are inflated to
	left  int    // bytes that may still come out
	java  bool   // rest is in frames
}

// xerial is how the Java client frames snappy: magic, version:4, compatible version:4, then blocks
// of size:4 and bytes.
var xerial = []byte{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0}

const (
	xerialHeader = 16
	snappyRatio  = 32      // more than snappy can compress: what a block claims beyond it is a lie
	keepSpace    = 4 << 20 // most space kept for the next batch
)

func (s *snapped) start(compressed []byte, limit int) error {
	if cap(s.space) > keepSpace {
		s.space = nil
	}
	s.rest, s.plain, s.left, s.java = compressed, nil, limit, bytes.HasPrefix(compressed, xerial)
	if !s.java {
		return nil
	}
	if len(compressed) < xerialHeader {
		return io.ErrUnexpectedEOF
	}
	s.rest = compressed[xerialHeader:]
	return nil
}

func (s *snapped) Read(p []byte) (int, error) {
	for len(s.plain) == 0 {
		if len(s.rest) == 0 {
			return 0, io.EOF
		}
		block, err := s.next()
		if err != nil {
			return 0, err
		}
		if err := s.inflate(block); err != nil {
			return 0, err
		}
	}
	n := copy(p, s.plain)
	s.plain = s.plain[n:]
	return n, nil
}

// next takes the next block off the rest.
func (s *snapped) next() ([]byte, error) {
	if !s.java {
		block := s.rest
		s.rest = nil
		return block, nil
	}
	if len(s.rest) < 4 {
		return nil, io.ErrUnexpectedEOF
	}
	n := int64(binary.BigEndian.Uint32(s.rest)) + 4
	if n > int64(len(s.rest)) {
		return nil, io.ErrUnexpectedEOF
	}
	block := s.rest[4:n]
	s.rest = s.rest[n:]
	return block, nil
}

func (s *snapped) inflate(block []byte) error {
	n, err := snappy.DecodedLen(block)
	switch {
	case err != nil:
		return err
	case n > snappyRatio*len(block):
		return snappy.ErrCorrupt
	case n > s.left:
		return errTooLarge
	}
	s.left -= n
	if cap(s.space) < n {
		s.space = make([]byte, n)
	}
	s.plain, err = snappy.Decode(s.space[:n], block)
	return err
}

func (s *snapped) unread() int { return len(s.rest) }

// inflate returns an inflater of a codec, to be given back by release.
func inflate(codec int8, compressed []byte, limit int) (inflater, error) {
	if codec < 1 || int(codec) >= len(inflaters) {
		return nil, fmt.Errorf("codec %d is not known", codec)
	}
	f := inflaters[codec].Get().(inflater)
	if err := f.start(compressed, limit); err != nil {
		release(codec, f)
		return nil, err
	}
	return f, nil
}

func release(codec int8, f inflater) {
	_ = f.start(nil, 0)
	inflaters[codec].Put(f)
}
