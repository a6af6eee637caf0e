package batch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/klauspost/compress/s2"
)

func compressed(t *testing.T, codec int8, plain []byte) []byte {
	t.Helper()
	b, err := withPayload(Build([]Record{{}}), 0, plain).Recompress(codec)
	if err != nil {
		t.Fatal(err)
	}
	return b.Payload()
}

func TestDecompressIsBounded(t *testing.T) {
	const limit = 1 << 20
	for codec := int8(1); codec <= 4; codec++ {
		fits, bomb := compressed(t, codec, make([]byte, limit)), compressed(t, codec, make([]byte, limit+1))
		if out, err := decompress(codec, fits, limit); err != nil || len(out) != limit {
			t.Errorf("codec %d: %d bytes, %v", codec, len(out), err)
		}
		if out, err := decompress(codec, bomb, limit); err == nil {
			t.Errorf("codec %d: %d bytes passed a limit of %d", codec, len(out), limit)
		}
	}
}

func TestDecompressRefusesGarbage(t *testing.T) {
	for codec := int8(1); codec <= 5; codec++ {
		if _, err := decompress(codec, []byte("this is not compressed at all"), 1<<20); err == nil {
			t.Errorf("codec %d took garbage", codec)
		}
	}
}

// xerialOf frames blocks as the Java client does.
func xerialOf(blocks ...[]byte) []byte {
	b := append(append([]byte{}, xerial...), 0, 0, 0, 1, 0, 0, 0, 1)
	for _, block := range blocks {
		c := s2.EncodeSnappy(nil, block)
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(c))), c...)
	}
	return b
}

func TestSnappyInXerialFrames(t *testing.T) {
	b := xerialOf([]byte("one "), bytes.Repeat([]byte("two "), 1000), []byte("three"))
	want := "one " + string(bytes.Repeat([]byte("two "), 1000)) + "three"
	if got, err := decompress(2, b, 1<<20); err != nil || string(got) != want {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	if _, err := decompress(2, b, 100); !errors.Is(err, errTooLarge) {
		t.Fatalf("beyond the limit over all blocks: %v", err)
	}
	for n := len(xerial); n < len(b)-1; n += 7 {
		if got, err := decompress(2, b[:n], 1<<20); err == nil && string(got) == want {
			t.Fatalf("%d of %d bytes are taken for all", n, len(b))
		}
	}
}

func TestSnappyDoesNotBelieveALength(t *testing.T) {
	lying := append(binary.AppendUvarint(nil, 200<<20), 0, 'x')
	if _, err := decompress(2, lying, MaxDecompressed); err == nil {
		t.Fatal("200 MiB were taken for three bytes")
	}
}

func TestRecordsDoesNotBelieveACount(t *testing.T) {
	b := withPayload(Build([]Record{{}}), 1, compressed(t, 1, make([]byte, 1<<20)))
	binary.BigEndian.PutUint32(b[countAt:], 1<<20)
	if n := testing.AllocsPerRun(1, func() {
		if _, err := b.Records(); err == nil {
			t.Error("a million records in a million bytes")
		}
	}); n > 1000 {
		t.Errorf("%v allocations", n)
	}
}

func TestEachEndsWhenToldTo(t *testing.T) {
	seen := 0
	err := Build([]Record{{}, {}, {}}).Each(func(r Record) bool { seen++; return r.Offset < 1 })
	if err != nil || seen != 2 {
		t.Fatalf("%d records, %v", seen, err)
	}
}
