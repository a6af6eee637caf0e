package protocol

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// requests calls f with an empty request of every API in every version that kmsg knows, encoded as
// franz-go does.
func requests(f func(r kmsg.Request, frame []byte)) {
	formatter := kmsg.NewRequestFormatter(kmsg.FormatterClientID("me"))
	for key := int16(0); key <= kmsg.MaxKey; key++ {
		r := kmsg.RequestForKey(key)
		if r == nil {
			continue
		}
		for v := int16(0); v <= r.MaxVersion(); v++ {
			if r.SetVersion(v); kmsg.Key(key) == kmsg.ControlledShutdown && v == 0 {
				continue // franz-go writes it without a body
			}
			f(r, formatter.AppendRequest(nil, r, 77)[4:])
		}
	}
}

func TestParseHeaderOfEveryRequest(t *testing.T) {
	requests(func(r kmsg.Request, frame []byte) {
		h, body, known, err := ParseHeader(frame)
		want := Header{Key: kmsg.Key(r.Key()), Version: r.GetVersion(), CorrelationID: 77, ClientID: "me"}
		if err != nil || !known || h != want {
			t.Fatalf("%s v%d: %+v, known %v, %v", want.Key.Name(), want.Version, h, known, err)
		}
		if !bytes.Equal(body, r.AppendTo(nil)) {
			t.Fatalf("%s v%d: the body is cut in the wrong place", want.Key.Name(), want.Version)
		}
	})
}

func TestParseHeaderOfVersion0HasNoClientID(t *testing.T) {
	h, body, known, err := ParseHeader([]byte{0, 7, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1})
	if err != nil || !known || h != (Header{Key: kmsg.ControlledShutdown, CorrelationID: 9}) || len(body) != 4 {
		t.Fatalf("%+v %v %v %v", h, body, known, err)
	}
}

func TestParseHeaderOfUnknownVersionsTellsWhoAsked(t *testing.T) {
	r := kmsg.NewPtrApiVersionsRequest()
	r.Version = r.MaxVersion() + 1
	frame := kmsg.NewRequestFormatter(kmsg.FormatterClientID("me")).AppendRequest(nil, r, 5)[4:]
	h, _, known, err := ParseHeader(frame)
	if err != nil || known || h.CorrelationID != 5 || h.ClientID != "me" {
		t.Fatalf("%+v, known %v, %v", h, known, err)
	}
}

func TestParseHeaderRefusesTruncatedFrames(t *testing.T) {
	r := kmsg.NewPtrMetadataRequest()
	r.Version = 12
	frame := kmsg.NewRequestFormatter(kmsg.FormatterClientID("me")).AppendRequest(nil, r, 5)[4:]
	header := len(frame) - len(r.AppendTo(nil))
	for n := range header {
		if _, _, _, err := ParseHeader(frame[:n]); !errors.Is(err, ErrMalformed) {
			t.Errorf("%d of %d bytes: %v", n, header, err)
		}
	}
}

func TestParseHeaderReadsTags(t *testing.T) {
	frame := []byte{0, 3, 0, 12, 0, 0, 0, 9, 0xff, 0xff, 2, 7, 1, 0xaa, 9, 0, 'b'}
	h, body, _, err := ParseHeader(frame)
	if err != nil || h.ClientID != "" || string(body) != "b" {
		t.Fatalf("%+v %q %v", h, body, err)
	}
	many := append([]byte{0, 3, 0, 12, 0, 0, 0, 9, 0xff, 0xff}, binary.AppendUvarint(nil, MaxTags+1)...)
	if _, _, _, err := ParseHeader(append(many, make([]byte, 4*MaxTags)...)); !errors.Is(err, ErrMalformed) {
		t.Fatalf("%d tags: %v", MaxTags+1, err)
	}
}

func TestResponseHeaderHasNoTagsForApiVersions(t *testing.T) {
	for key, version := range map[kmsg.Key]int16{kmsg.Fetch: 11, kmsg.Metadata: 12, kmsg.ApiVersions: 4} {
		r := key.Response()
		r.SetVersion(version)
		header := 4
		if key == kmsg.Metadata {
			header = 5 // flexible
		}
		before := []byte("before")
		got := AppendResponse(before, 77, r)[len(before):]
		if n := int(binary.BigEndian.Uint32(got)); n != len(got)-4 {
			t.Errorf("%s v%d: size %d of %d bytes", key.Name(), version, n, len(got))
		}
		if id := binary.BigEndian.Uint32(got[4:]); id != 77 || !bytes.Equal(got[4+header:], r.AppendTo(nil)) {
			t.Errorf("%s v%d: correlation id %d, %d bytes", key.Name(), version, id, len(got))
		}
	}
}

func FuzzParseHeader(f *testing.F) {
	requests(func(_ kmsg.Request, frame []byte) { f.Add(frame) })
	f.Fuzz(func(t *testing.T, frame []byte) {
		_, body, known, err := ParseHeader(frame)
		if err != nil && !errors.Is(err, ErrMalformed) {
			t.Fatal(err)
		}
		if err == nil && known && !bytes.HasSuffix(frame, body) {
			t.Fatal("the body is not the end of the frame")
		}
	})
}

// TestAFetchResponseIsAppendedInOneGo: its buffer is made as large as what is to be sent, not grown
// to it in many steps.
func TestAFetchResponseIsAppendedInOneGo(t *testing.T) {
	r := kmsg.NewPtrFetchResponse()
	r.SetVersion(13)
	topic := kmsg.NewFetchResponseTopic()
	for range 5 {
		p := kmsg.NewFetchResponseTopicPartition()
		p.RecordBatches = make([]byte, 1<<20)
		topic.Partitions = append(topic.Partitions, p)
	}
	r.Topics = append(r.Topics, topic)
	// with the race detector slices.Grow makes two
	if n := testing.AllocsPerRun(3, func() { AppendResponse(nil, 1, r) }); n > 2 {
		t.Errorf("%v allocations for one response", n)
	}
}
