package batch

import "encoding/binary"

// Outline is a record without its value and its headers, which most readers do not need: they are
// passed over and take no memory.
type Outline struct {
	Offset    int64
	Timestamp int64  // ms since the epoch
	Key       []byte // nil for null; valid until the next record is read
	Null      bool   // the value is null
}

// Outlines calls f with the records in order, until f returns false. Whatever is in the batch, it
// holds no more of it in memory than the decoder's window, a few KiB and a key. An error that wraps
// ErrRecords tells that the batch cannot be read by anybody; f may have been called before.
func (b Batch) Outlines(f func(Outline) (more bool)) error {
	s := b.open(MaxDecompressed)
	defer s.close()
	s.keys = true
	for range b.Count() {
		o := s.outline()
		if s.err != nil {
			return s.err
		}
		if !f(b.placed(o)) {
			return nil
		}
	}
	s.end()
	return s.err
}

// placed makes absolute what a record says relative to its batch.
func (b Batch) placed(o Outline) Outline {
	o.Offset += b.BaseOffset()
	o.Timestamp += b.BaseTimestamp()
	if b.AppendTime() {
		o.Timestamp = b.MaxTimestamp()
	}
	return o
}

// minRecord is the size of the smallest record: one byte each for length, attributes, both deltas,
// key, value and headers.
const minRecord = 7

// noKey stands for a key that nobody wants to see.
var noKey = []byte{}

// outline reads the next record; offset and timestamp are deltas. It checks all lengths in it, and
// that no header has a null key.
func (s *scan) outline() (o Outline) {
	end := s.begin()
	s.byte() // attributes are unused
	o.Timestamp, o.Offset = s.varint(binary.MaxVarintLen64), s.int()
	if n := s.length(end); n >= 0 {
		o.Key = s.readKey(n)
	}
	n := s.length(end)
	if o.Null = n < 0; n > 0 {
		s.skip(n)
	}
	s.headers(end)
	if s.read != end {
		s.fail("a record ends %d bytes before where it should", end-s.read)
	}
	return o
}

// begin reads a record's size and returns where the record ends.
func (s *scan) begin() (end int64) {
	size := s.int()
	if size < minRecord-1 {
		s.fail("a record of %d bytes", size)
	}
	return s.read + size
}

// length reads the length of a byte string that lies before end, -1 for null.
func (s *scan) length(end int64) int64 {
	n := s.int()
	if n < -1 || n > end-s.read {
		s.fail("%d bytes lie in what has %d", n, end-s.read)
	}
	if s.err != nil {
		return -1
	}
	return n
}

func (s *scan) readKey(n int64) []byte {
	switch {
	case !s.keys:
		s.skip(n)
		return noKey
	case s.from == nil && s.codec == 0:
		at := s.at
		s.skip(n)
		return s.buf[at:s.at:s.at]
	}
	if s.key = s.copy(s.key[:0], n); s.key == nil {
		return noKey
	}
	return s.key
}

// headers passes a record's headers over.
func (s *scan) headers(end int64) {
	n := s.int()
	if n < 0 || n > (end-s.read)/2 {
		s.fail("%d headers lie in %d bytes", n, end-s.read)
	}
	for ; n > 0 && s.err == nil; n-- {
		key := s.length(end)
		if key < 0 {
			s.fail("a header without a key")
			return
		}
		s.skip(key)
		if value := s.length(end); value > 0 {
			s.skip(value)
		}
	}
}
