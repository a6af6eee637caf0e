package remote

import (
	"testing"

	"google.golang.org/grpc/mem"
)

func TestBuffersHaveRoomAndComeBack(t *testing.T) {
	var given int
	p := &buffers{given: func(b []byte) { given = len(b) }}
	for size, want := range map[int]int{0: 2 << 10, 1: 2 << 10, 2 << 10: 2 << 10, 2<<10 + 1: 4 << 10, 100_000: 128 << 10, 2 << 20: 2 << 20} {
		b := p.Get(size)
		if len(*b) != size || cap(*b) != want {
			t.Errorf("%d: %d bytes in %d", size, len(*b), cap(*b))
		}
		if p.Put(b); given != want {
			t.Errorf("%d: %d bytes came back", size, given)
		}
		if again := p.Get(want); len(*again) != want || cap(*again) != want {
			t.Errorf("%d: the next is %d bytes in %d", want, len(*again), cap(*again))
		}
	}
	given = 0
	for _, strange := range [][]byte{nil, make([]byte, 5000), make([]byte, 4<<20), *p.Get(3 << 20)} {
		if p.Put(&strange); given != 0 {
			t.Errorf("a buffer of %d bytes was kept", cap(strange))
		}
	}
}

// Of what is sent only raft's frames come back, once everybody who sends is done with them: others
// may be sent to several peers.
func TestOnlyRaftFramesAreGivenBack(t *testing.T) {
	var given []byte
	p := &buffers{given: func(b []byte) { given = b }}
	for kind := framePing; kind <= frameMarks; kind++ {
		given = nil
		f := &frame{kind: kind}
		sent := mem.BufferSlice{p.sent(f.over(*p.Get(5000)))}
		sent.Ref()
		if sent.Free(); given != nil {
			t.Fatalf("kind %d: given back while it is held", kind)
		}
		if sent.Free(); (given != nil) != (kind == frameRaft) {
			t.Errorf("kind %d: given back: %v", kind, given != nil)
		}
	}
}
