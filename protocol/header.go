package protocol

import (
	"encoding/binary"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// minHeader is the size of the header before the client id.
const minHeader = 8

// MaxTags is the most tagged fields that a request header may have.
const MaxTags = 10_000

// Header is what precedes every request.
type Header struct {
	Key           kmsg.Key
	Version       int16
	CorrelationID int32
	ClientID      string // empty if null
}

// ParseHeader reads the header of a frame and returns the bytes of the body. For an API or a
// version that kmsg does not know, body is nil and known false: how its header ends is not known
// either.
func ParseHeader(frame []byte) (h Header, body []byte, known bool, err error) {
	if len(frame) < minHeader {
		return h, nil, false, malformed("%d bytes are too few for a request header", len(frame))
	}
	h.Key = kmsg.Key(int16(binary.BigEndian.Uint16(frame)))
	h.Version = int16(binary.BigEndian.Uint16(frame[2:]))
	h.CorrelationID = int32(binary.BigEndian.Uint32(frame[4:]))
	r := reader{b: frame[minHeader:]}
	if h.Key == kmsg.ControlledShutdown && h.Version == 0 {
		return h, r.b, true, nil // header v0
	}
	h.ClientID = r.nullableString()
	request := kmsg.RequestForKey(h.Key.Int16())
	if request == nil || h.Version < 0 || h.Version > request.MaxVersion() {
		return h, nil, false, r.err
	}
	request.SetVersion(h.Version)
	if request.IsFlexible() {
		r.skipTags()
	}
	return h, r.b, true, r.err
}

// ResponseBytes is about how many bytes a response takes, if it is one that may take many; else 0.
func ResponseBytes(response kmsg.Response) int {
	r, ok := response.(*kmsg.FetchResponse)
	if !ok {
		return 0
	}
	n := 256
	for i := range r.Topics {
		n += 64
		for k := range r.Topics[i].Partitions {
			n += 128 + len(r.Topics[i].Partitions[k].RecordBatches)
		}
	}
	return n
}

// AppendResponse appends the whole answer r to the request with the given correlation id: size,
// header, body.
func AppendResponse(dst []byte, correlationID int32, r kmsg.Response) []byte {
	at := len(dst)
	dst = slices.Grow(dst, ResponseBytes(r)) // else it would be copied again and again as it grows
	dst = append(dst, 0, 0, 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, uint32(correlationID))
	// The header of ApiVersions is never flexible, so that a client of any age can read it (KIP-511).
	if r.IsFlexible() && kmsg.Key(r.Key()) != kmsg.ApiVersions {
		dst = append(dst, 0) // no tags
	}
	dst = r.AppendTo(dst)
	binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst
}
