package protocol

import (
	"fmt"
	"reflect"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// MaxElements is the most elements that all arrays of a request may have together: each of them is
// answered with many times the bytes it takes.
const MaxElements = 1_000_000

// MaxControlBytes is the largest body of a request other than Produce. Decoding takes memory for
// what an array claims, up to some
// 50 bytes for each byte of the body: kmsg refuses an array whose elements at their smallest do not
// fit into the rest of the body, so that a bound on the body bounds arrays and tags too. Only
// Produce has reason to send more, and is walked through before it is decoded.
const MaxControlBytes = 8 << 20

// ParseBody decodes the body of a request whose header is known. Byte fields of the result are
// parts of body.
func ParseBody(h Header, body []byte) (kmsg.Request, error) {
	request := kmsg.RequestForKey(h.Key.Int16())
	if request == nil {
		return nil, malformed("API %d is not known", h.Key)
	}
	request.SetVersion(h.Version)
	if err := guard(h, body, request.IsFlexible()); err != nil {
		return nil, err
	}
	if err := request.ReadFrom(body); err != nil {
		return nil, malformed("%s v%d: %v", h.Key.Name(), h.Version, err)
	}
	if len(body) > MaxElements && h.Key != kmsg.Produce { // no element takes less than a byte
		if n := elements(reflect.ValueOf(request).Elem()); n > MaxElements {
			return nil, malformed("%s v%d: %d elements are more than %d", h.Key.Name(), h.Version, n, MaxElements)
		}
	}
	return request, nil
}

// elements counts those of all arrays of a request.
func elements(v reflect.Value) (n int) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			n += elements(v.Field(i))
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return 0 // bytes
		}
		n = v.Len()
		for i := 0; i < v.Len() && n <= MaxElements; i++ {
			n += elements(v.Index(i))
		}
	}
	return n
}

func guard(h Header, body []byte, flexible bool) error {
	if h.Key == kmsg.Produce {
		return walkProduce(h.Version, body, flexible)
	}
	if len(body) > MaxControlBytes {
		return malformed("%s v%d of %d bytes is larger than %d", h.Key.Name(), h.Version, len(body), MaxControlBytes)
	}
	return nil
}

// walkProduce looks at the arrays and tags of a produce request without taking memory for them.
func walkProduce(version int16, body []byte, flexible bool) error {
	r := &walker{reader: reader{b: body}, flexible: flexible}
	if version >= 3 {
		r.string() // transactional id
	}
	r.skip(2 + 4) // acks, timeout
	for range r.array() {
		if version >= 13 {
			r.skip(16)
		} else {
			r.string()
		}
		for range r.array() {
			r.skip(4)
			r.bytes()
			r.tags()
		}
		r.tags()
	}
	r.tags()
	if r.err != nil {
		return fmt.Errorf("%w (Produce v%d)", r.err, version)
	}
	return nil
}

// walker skips over the fields of a body.
type walker struct {
	reader
	flexible bool
	elements int64 // of all arrays so far
}

func (w *walker) string() {
	w.skip(w.length(w.flexible, func() int64 { return int64(w.int16()) }))
}

func (w *walker) bytes() {
	w.skip(w.length(w.flexible, func() int64 { return int64(w.int32()) }))
}

func (w *walker) tags() {
	if w.flexible {
		w.skipTags()
	}
}

// array yields once for each element of an array while there is no error. None that is walked over
// may be null.
func (w *walker) array() func(yield func() bool) {
	n := w.length(w.flexible, func() int64 { return int64(w.int32()) })
	if n < 0 {
		w.fail("an array is null")
	}
	if w.elements += max(n, 0); w.elements > MaxElements {
		w.fail("%d elements are more than %d", w.elements, MaxElements)
	}
	return func(yield func() bool) {
		for ; n > 0 && w.err == nil; n-- {
			if !yield() {
				return
			}
		}
	}
}
