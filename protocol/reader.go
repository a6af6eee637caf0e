package protocol

import "encoding/binary"

// reader takes Kafka's primitives off a slice. After the first that does not fit, err is set and
// everything reads as empty.
type reader struct {
	b   []byte
	err error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = malformed(format, args...)
	}
	r.b = nil
}

// span takes n bytes.
func (r *reader) span(n int64) []byte {
	if n < 0 || n > int64(len(r.b)) {
		r.fail("%d bytes are claimed where %d are left", n, len(r.b))
		return nil
	}
	s := r.b[:n]
	r.b = r.b[n:]
	return s
}

func (r *reader) int16() int16 {
	if s := r.span(2); s != nil {
		return int16(binary.BigEndian.Uint16(s))
	}
	return 0
}

func (r *reader) int32() int32 {
	if s := r.span(4); s != nil {
		return int32(binary.BigEndian.Uint32(s))
	}
	return 0
}

func (r *reader) uvarint() uint32 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 || v > 1<<32-1 {
		r.fail("a length is no unsigned varint of 32 bits")
		return 0
	}
	r.b = r.b[n:]
	return uint32(v)
}

func (r *reader) nullableString() string {
	n := r.int16()
	if n < 0 {
		return ""
	}
	return string(r.span(int64(n)))
}

// length takes the length of a string or bytes, -1 for null.
func (r *reader) length(flexible bool, fixed func() int64) int64 {
	if flexible {
		return int64(r.uvarint()) - 1
	}
	return fixed()
}

// skip takes n bytes; null (-1) takes none.
func (r *reader) skip(n int64) {
	if n > 0 {
		r.span(n)
	}
}

// skipTags takes tagged fields.
func (r *reader) skipTags() {
	n := r.uvarint()
	if n > MaxTags {
		r.fail("%d tagged fields are more than %d", n, MaxTags)
	}
	for ; n > 0 && r.err == nil; n-- {
		r.uvarint()
		r.span(int64(r.uvarint()))
	}
}
