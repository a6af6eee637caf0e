package batch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"
)

// ErrRecords is wrapped by the errors about records that are not what the batch says, or that do
// not decompress: no reader can make sense of them, now or later.
var ErrRecords = errors.New("batch: the records cannot be read")

// scanBytes is how much of the decompressed records is in memory at a time.
const scanBytes = 32 << 10

// scan reads the records of a batch front to back and holds a small part of them at a time. It has
// one owner, from open to close.
//
// Invariants: buf[at:] is what was inflated and not read; read counts the bytes before buf[at]. An
// error stays: after the first one every method fails.
type scan struct {
	buf   []byte
	at    int
	read  int64
	err   error
	limit int64 // most bytes that may be inflated; what is not compressed has no limit

	from  inflater // nil if the records are not compressed
	codec int8
	came  int64  // bytes that from gave
	room  []byte // memory of buf while from is not nil
	key   []byte // of the record read last
	keys  bool   // keys are wanted
}

var scans = sync.Pool{New: func() any { return &scan{room: make([]byte, scanBytes)} }}

// open begins to read the records of a batch, of which at most limit bytes are inflated.
func (b Batch) open(limit int) *scan {
	s := scans.Get().(*scan)
	*s = scan{room: s.room, key: s.key[:0], codec: b.Codec(), limit: int64(limit)}
	if s.codec == 0 {
		s.buf = b.Payload()
		return s
	}
	s.buf = s.room[:0]
	if s.from, s.err = inflate(s.codec, b.Payload(), limit); s.err != nil {
		s.err = fmt.Errorf("%w: %w", ErrRecords, s.err)
	}
	return s
}

func (s *scan) close() {
	if s.from != nil {
		release(s.codec, s.from)
	}
	key := s.key
	if cap(key) > scanBytes {
		key = nil
	}
	*s = scan{room: s.room, key: key}
	scans.Put(s)
}

func (s *scan) fail(format string, args ...any) {
	if s.err == nil {
		s.err = fmt.Errorf("%w: "+format, append([]any{ErrRecords}, args...)...)
	}
}

// more inflates until n bytes are to be had, or fewer at the end. n is at most len(room).
func (s *scan) more(n int) {
	if s.from == nil || s.err != nil {
		return
	}
	kept := copy(s.room, s.buf[s.at:])
	s.buf, s.at = s.room[:kept], 0
	for len(s.buf) < n && s.err == nil {
		got, err := s.from.Read(s.room[len(s.buf):])
		s.buf = s.room[:len(s.buf)+got]
		s.came += int64(got)
		switch {
		case s.came > s.limit:
			s.err = fmt.Errorf("%w: %w", ErrRecords, errTooLarge)
		case err == io.EOF:
			s.ended()
			return
		case err != nil:
			s.err = fmt.Errorf("%w: %w", ErrRecords, err)
		}
	}
}

// ended is called when nothing more comes.
func (s *scan) ended() {
	if n := s.from.unread(); n > 0 {
		s.fail("%d bytes follow what is compressed", n)
	}
	release(s.codec, s.from)
	s.from = nil
}

// varint reads a number of at most width bytes.
func (s *scan) varint(width int) int64 {
	if len(s.buf)-s.at < binary.MaxVarintLen64 {
		s.more(binary.MaxVarintLen64)
	}
	if s.at < len(s.buf) && s.buf[s.at] < 0x80 { // most are this short
		v := int64(s.buf[s.at]>>1) ^ -int64(s.buf[s.at]&1)
		s.at++
		s.read++
		return v
	}
	v, n := binary.Varint(s.buf[s.at:])
	if n <= 0 || n > width {
		s.fail("a number is cut off or too long")
		return 0
	}
	s.at += n
	s.read += int64(n)
	return v
}

// int reads a number that Kafka holds in 32 bits.
func (s *scan) int() int64 {
	v := s.varint(binary.MaxVarintLen32)
	if v < math.MinInt32 || v > math.MaxInt32 {
		s.fail("%d is not a number of 32 bits", v)
		return 0
	}
	return v
}

// byte reads one byte.
func (s *scan) byte() (v byte) {
	if s.at == len(s.buf) {
		s.more(1)
	}
	if s.at == len(s.buf) {
		s.fail("the records are cut off")
		return 0
	}
	v = s.buf[s.at]
	s.at++
	s.read++
	return v
}

// skip passes n bytes over.
func (s *scan) skip(n int64) {
	for {
		here := min(n, int64(len(s.buf)-s.at))
		s.at += int(here)
		s.read += here
		if n -= here; n == 0 {
			return
		}
		if s.more(1); s.at == len(s.buf) {
			s.fail("the records are cut off")
			return
		}
	}
}

// copy appends the next n bytes to some. It grows by what came, whatever n says.
func (s *scan) copy(to []byte, n int64) []byte {
	for {
		here := min(n, int64(len(s.buf)-s.at))
		to = append(to, s.buf[s.at:s.at+int(here)]...)
		s.at += int(here)
		s.read += here
		if n -= here; n == 0 {
			return to
		}
		if s.more(1); s.at == len(s.buf) {
			s.fail("the records are cut off")
			return to
		}
	}
}

// end fails if anything follows.
func (s *scan) end() {
	if s.at == len(s.buf) {
		s.more(1)
	}
	if s.at < len(s.buf) {
		s.fail("bytes follow the last record")
	}
}
