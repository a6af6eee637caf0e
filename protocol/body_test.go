package protocol

import (
	"bytes"
	"encoding/binary"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"
)

func TestParseBodyOfEveryRequest(t *testing.T) {
	requests(func(r kmsg.Request, frame []byte) {
		h, body, _, err := ParseHeader(frame)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseBody(h, body)
		if err != nil || got.GetVersion() != r.GetVersion() || !bytes.Equal(got.AppendTo(nil), body) {
			t.Fatalf("%s v%d: %v", h.Key.Name(), h.Version, err)
		}
	})
}

// A request of many bytes may have as many elements as MaxElements says, whether they are in one
// array or in arrays of arrays, and no more.
func TestElementsAreBounded(t *testing.T) {
	groups := func(n int) kmsg.Request {
		r := kmsg.NewPtrDescribeGroupsRequest()
		r.Version, r.Groups = 5, make([]string, n)
		return r
	}
	partitions := func(topics, each int) kmsg.Request {
		r := kmsg.NewPtrOffsetDeleteRequest()
		for range topics {
			topic := kmsg.NewOffsetDeleteRequestTopic()
			topic.Partitions = make([]kmsg.OffsetDeleteRequestTopicPartition, each)
			r.Topics = append(r.Topics, topic)
		}
		return r
	}
	for name, test := range map[string]struct {
		request kmsg.Request
		taken   bool
	}{
		"as many as may be":          {groups(MaxElements), true},
		"one more":                   {groups(MaxElements + 1), false},
		"many in all":                {partitions(1000, 999), true},
		"too many in all":            {partitions(1000, 1000), false},
		"few elements of many bytes": {partitions(1, 400_000), true},
	} {
		h := Header{Key: kmsg.Key(test.request.Key()), Version: test.request.GetVersion()}
		_, err := ParseBody(h, test.request.AppendTo(nil))
		if test.taken && err != nil || !test.taken && !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func drawProduce(t *rapid.T) *kmsg.ProduceRequest {
	r := kmsg.NewPtrProduceRequest()
	r.Version = rapid.Int16Range(0, r.MaxVersion()).Draw(t, "version")
	if rapid.Bool().Draw(t, "transactional") {
		r.TransactionID = kmsg.StringPtr("tx")
	}
	for range rapid.IntRange(0, 3).Draw(t, "topics") {
		topic := kmsg.NewProduceRequestTopic()
		topic.Topic = rapid.StringN(0, 5, 20).Draw(t, "topic")
		for p := range rapid.Int32Range(0, 3).Draw(t, "partitions") {
			partition := kmsg.NewProduceRequestTopicPartition()
			partition.Partition = p
			if rapid.Bool().Draw(t, "null") {
				partition.Records = rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "records")
			}
			topic.Partitions = append(topic.Partitions, partition)
		}
		r.Topics = append(r.Topics, topic)
	}
	return r
}

func TestWalkProduceTakesWhatKmsgWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawProduce(t)
		body := r.AppendTo(nil)
		if _, err := ParseBody(Header{Key: kmsg.Produce, Version: r.Version}, body); err != nil {
			t.Fatalf("v%d: %v", r.Version, err)
		}
		if len(body) == 0 {
			return
		}
		cut := rapid.IntRange(0, len(body)-1).Draw(t, "cut")
		if _, err := ParseBody(Header{Key: kmsg.Produce, Version: r.Version}, body[:cut]); !errors.Is(err, ErrMalformed) {
			t.Fatalf("v%d cut to %d of %d bytes: %v", r.Version, cut, len(body), err)
		}
	})
}

func TestParseBodyRefusesWhatClaimsTooMuch(t *testing.T) {
	produce := func(elements uint32, rest int) []byte {
		body := []byte{0xff, 0xff, 0, 1, 0, 0, 0, 0} // no transactional id, acks, timeout
		return append(binary.BigEndian.AppendUint32(body, elements), make([]byte, rest)...)
	}
	for name, body := range map[string][]byte{
		"more elements than bytes": produce(1000, 10),
		"too many elements":        produce(MaxElements+1, 8*MaxElements),
		"lying elements":           produce(0x7fffffff, 100),
		"no array at all":          produce(0xffffffff, 0),
	} {
		if _, err := ParseBody(Header{Key: kmsg.Produce, Version: 3}, body); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := ParseBody(Header{Key: kmsg.Metadata, Version: 12}, make([]byte, MaxControlBytes+1))
	if !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), "Metadata") {
		t.Errorf("a large Metadata: %v", err)
	}
}

// Every string of every request that may not be null, made null, spoils the request: none is read
// as an empty name.
func TestANullStringIsMalformed(t *testing.T) {
	const needle = "instead of null"
	spoiled, requests := 0, 0
	for key := range kmsg.Key(kmsg.MaxKey + 1) {
		r := kmsg.RequestForKey(key.Int16())
		if r == nil {
			continue
		}
		requests++
		fill(reflect.ValueOf(r).Elem(), needle)
		for v := range r.MaxVersion() + 1 {
			r.SetVersion(v)
			body := r.AppendTo(nil)
			if _, err := ParseBody(Header{Key: key, Version: v}, body); err != nil {
				t.Fatalf("%s v%d as it should be: %v", key.Name(), v, err)
			}
			text, null := binary.BigEndian.AppendUint16(nil, uint16(len(needle))), []byte{0xff, 0xff}
			if r.IsFlexible() {
				text, null = binary.AppendUvarint(nil, uint64(len(needle)+1)), []byte{0}
			}
			text = append(text, needle...)
			for at := 0; ; spoiled++ {
				next := bytes.Index(body[at:], text)
				if next < 0 {
					break
				}
				at += next
				bad := slices.Concat(body[:at], null, body[at+len(text):])
				if _, err := ParseBody(Header{Key: key, Version: v}, bad); !errors.Is(err, ErrMalformed) {
					t.Errorf("%s v%d with a null at byte %d of % x: %v", key.Name(), v, at, bad, err)
				}
				at += len(text)
			}
		}
	}
	if spoiled < requests {
		t.Errorf("only %d strings were made null", spoiled)
	}
}

// fill gives every array of a request an element and every string that cannot be null a text.
func fill(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() && v.Type().Field(i).Name != "UnknownTags" {
				fill(v.Field(i), text)
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() != reflect.Uint8 {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			fill(v.Index(0), text)
		}
	}
}

func FuzzParseBody(f *testing.F) {
	requests(func(r kmsg.Request, _ []byte) { f.Add(r.Key(), r.GetVersion(), r.AppendTo(nil)) })
	f.Fuzz(func(t *testing.T, key, version int16, body []byte) {
		known := kmsg.RequestForKey(key)
		if known == nil || version < 0 || version > known.MaxVersion() {
			return
		}
		r, err := ParseBody(Header{Key: kmsg.Key(key), Version: version}, body)
		if err != nil && !errors.Is(err, ErrMalformed) {
			t.Fatal(err)
		}
		if err == nil {
			r.AppendTo(nil)
		}
	})
}
