package batch

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// withCodec is a batch of records, the first of which has headers, compressed with a codec.
func withCodec(t testing.TB, codec int8, value []byte, headers ...Header) Batch {
	t.Helper()
	b := Batch(Build([]Record{{Key: []byte("k"), Value: value, Headers: headers}, {Value: []byte("second"), Headers: []Header{{"traceparent", []byte("another's")}}}}))
	if codec == 0 {
		return b
	}
	out, err := b.Recompress(codec)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestFirstHeader(t *testing.T) {
	headers := []Header{{"a", nil}, {"traceparent", []byte("00-01-02-03")}, {"b", []byte("x")}}
	for codec := range int8(5) {
		for range 3 { // readers are used again
			b := withCodec(t, codec, []byte("value"), headers...)
			if v, ok := b.FirstHeader("traceparent"); !ok || string(v) != "00-01-02-03" {
				t.Errorf("codec %d: %q %v", codec, v, ok)
			}
			if v, ok := b.FirstHeader("none"); ok {
				t.Errorf("codec %d: a header that is not there is %q", codec, v)
			}
			if v, ok := withCodec(t, codec, []byte("value")).FirstHeader("traceparent"); ok {
				t.Errorf("codec %d: the second record's header is taken for the first's: %q", codec, v)
			}
		}
	}
}

func TestFirstHeaderLooksAtTheBeginningOnly(t *testing.T) {
	for _, codec := range []int8{1, 3, 4} {
		b := withCodec(t, codec, bytes.Repeat([]byte("much "), 100_000), Header{"traceparent", []byte("x")})
		if _, ok := b.FirstHeader("traceparent"); ok {
			t.Errorf("codec %d: a record of half a megabyte was decompressed for its header", codec)
		}
	}
}

func TestFirstHeaderTakesAnyBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := Batch(Build([]Record{{Value: []byte("x")}}))
		b = append(b[:HeaderBytes], rapid.SliceOf(rapid.Byte()).Draw(t, "payload")...)
		b[attributeAt+1] = rapid.ByteRange(0, 7).Draw(t, "codec")
		b.FirstHeader("traceparent") // must not panic
	})
}

func BenchmarkFirstHeader(b *testing.B) {
	for codec, name := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		batch := withCodec(b, int8(codec), bytes.Repeat([]byte("value "), 2000))
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				batch.FirstHeader("traceparent")
			}
		})
	}
}
