package protocol

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Header is what comes before every request's body.
//
//	0        2            4              8
//	+--------+------------+--------------+--------------------+-------------------+
//	| key:2  | version:2  | correlation  | client id:         | tagged fields     |
//	|        |            | id:4         | length:2, bytes    | (flexible only)   |
//	+--------+------------+--------------+--------------------+-------------------+
type Header struct {
	Key         int16
	Version     int16
	Correlation int32
	ClientID    string // empty for null
}

// maxTags is the most tagged fields that are taken in one place.
const maxTags = 10_000

var errHeader = errors.New("protocol: a request too short for its header")

// ParseHeader reads the header of a request and returns what follows up to the body, which flexible versions begin with tagged fields (see
// SkipTags).
func ParseHeader(b []byte) (Header, []byte, error) {
	if len(b) < 10 {
		return Header{}, nil, errHeader
	}
	h := Header{
		Key:         int16(binary.BigEndian.Uint16(b)),
		Version:     int16(binary.BigEndian.Uint16(b[2:])),
		Correlation: int32(binary.BigEndian.Uint32(b[4:])),
	}
	n := int(int16(binary.BigEndian.Uint16(b[8:])))
	b = b[10:]
	if n > len(b) {
		return h, nil, errHeader
	}
	if n > 0 {
		h.ClientID, b = string(b[:n]), b[n:]
	}
	return h, b, nil
}

// SkipTags skips the tagged fields at the beginning of b.
func SkipTags(b []byte) ([]byte, error) {
	r := kbin.Reader{Src: b}
	n := r.Uvarint()
	if n > maxTags {
		return nil, fmt.Errorf("protocol: %d tagged fields in a header", n)
	}
	for ; n > 0 && r.Ok(); n-- {
		r.Uvarint()
		r.Span(int(r.Uvarint()))
	}
	if err := r.Complete(); err != nil && !r.Ok() {
		return nil, errHeader
	}
	return r.Src, nil
}

// Decode makes a request of a header and what follows it.
func Decode(h Header, b []byte) (kmsg.Request, error) {
	request := kmsg.RequestForKey(h.Key)
	if request == nil {
		return nil, fmt.Errorf("protocol: api key %d is not known", h.Key)
	}
	request.SetVersion(h.Version)
	if request.IsFlexible() {
		var err error
		if b, err = SkipTags(b); err != nil {
			return nil, err
		}
	}
	if err := request.ReadFrom(b); err != nil {
		return nil, fmt.Errorf("protocol: %s in version %d: %w", kmsg.NameForKey(h.Key), h.Version, err)
	}
	return request, nil
}

// AppendResponse writes a whole answer: length, header, body.
func AppendResponse(b []byte, correlation int32, r kmsg.Response) []byte {
	at := len(b)
	b = append(b, 0, 0, 0, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(correlation))
	// The header of ApiVersions is never flexible, so that a client of any age can read it (KIP-511).
	if r.IsFlexible() && r.Key() != int16(kmsg.ApiVersions) {
		b = append(b, 0)
	}
	b = r.AppendTo(b)
	binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at-4))
	return b
}
