package protocol

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

func frameOf(body []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
}

func anyGrowth(int) error { return nil }

func TestReadFrameReturnsWhatWasSent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := make([]byte, rapid.IntRange(minHeader, 40*firstStep).Draw(t, "size"))
		for i := range body {
			body[i] = byte(i * 7)
		}
		taken := 0
		got, err := ReadFrame(iotest.HalfReader(bytes.NewReader(frameOf(body))), 1<<20, func(n int) error { taken += n; return nil })
		if err != nil || !bytes.Equal(got, body) {
			t.Fatalf("got %d bytes and %v, sent %d", len(got), err, len(body))
		}
		if taken != len(body) {
			t.Fatalf("%d bytes were accounted for, the frame has %d", taken, len(body))
		}
	})
}

func TestReadFrameRefusesSizes(t *testing.T) {
	for _, size := range []uint32{0, 7, 1<<20 + 1, 1 << 31, 0xffffffff} {
		_, err := ReadFrame(bytes.NewReader(binary.BigEndian.AppendUint32(nil, size)), 1<<20, anyGrowth)
		if !errors.Is(err, ErrMalformed) {
			t.Errorf("size %d: %v, want ErrMalformed", int32(size), err)
		}
	}
}

func TestReadFrameTellsWhereTheStreamEnded(t *testing.T) {
	whole := frameOf(make([]byte, 100))
	for n := range len(whole) {
		want := io.ErrUnexpectedEOF
		if n == 0 {
			want = io.EOF
		}
		if _, err := ReadFrame(bytes.NewReader(whole[:n]), 1<<20, anyGrowth); err != want {
			t.Errorf("after %d bytes: %v, want %v", n, err, want)
		}
	}
}

func TestReadFrameTakesMemoryOnlyForWhatArrives(t *testing.T) {
	taken := 0
	lying := append(binary.BigEndian.AppendUint32(nil, 100<<20), make([]byte, 1000)...)
	_, err := ReadFrame(bytes.NewReader(lying), 100<<20, func(n int) error { taken += n; return nil })
	if err != io.ErrUnexpectedEOF || taken > firstStep {
		t.Fatalf("%v after taking %d bytes for 1000 that arrived", err, taken)
	}
}

func TestReadFrameEndsWhereMemoryIsRefused(t *testing.T) {
	refused := errors.New("no memory")
	_, err := ReadFrame(bytes.NewReader(frameOf(make([]byte, 100))), 1<<20, func(int) error { return refused })
	if err != refused {
		t.Fatalf("%v, want the refusal", err)
	}
}

func FuzzReadFrame(f *testing.F) {
	f.Add(frameOf(make([]byte, 20)))
	f.Add([]byte{0x7f, 0xff, 0xff, 0xff, 1, 2, 3})
	f.Fuzz(func(t *testing.T, stream []byte) {
		taken := 0
		frame, err := ReadFrame(bytes.NewReader(stream), 1<<24, func(n int) error { taken += n; return nil })
		if err == nil && !bytes.Equal(frame, stream[4:4+len(frame)]) {
			t.Fatal("the frame is not what was sent")
		}
		if taken > firstStep+stepFactor*len(stream) {
			t.Fatalf("%d bytes of memory for %d that arrived", taken, len(stream))
		}
	})
}
