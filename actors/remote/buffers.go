package remote

import (
	"math/bits"
	"sync"

	"google.golang.org/grpc/mem"
)

// buffers are used again and again: those in which raft frames are put together, which have one
// receiver and are given back once they are sent, and those in which gRPC keeps what arrives until
// the codec has copied it. gRPC's own pool clears each before its use; here whoever takes one
// writes all that is read of it. It implements mem.BufferPool.
type buffers struct {
	sizes [maxBufferBits + 1]sync.Pool // of *[]byte, by the logarithm of their capacity
	given func([]byte)                 // called with what was given back, for tests; may be nil
}

const (
	minBufferBits = 11 // smaller ones are not kept: gRPC gives none back of 1 KiB or less
	maxBufferBits = 21 // nor are larger ones, which are rare
)

var (
	theBuffers                = &buffers{}
	_          mem.BufferPool = theBuffers
)

// Get implements mem.BufferPool. What is in the buffer is of no meaning.
func (p *buffers) Get(size int) *[]byte {
	n := max(bits.Len(uint(max(size, 1)-1)), minBufferBits)
	if n > maxBufferBits {
		b := make([]byte, size)
		return &b
	}
	if b, ok := p.sizes[n].Get().(*[]byte); ok {
		*b = (*b)[:size]
		return b
	}
	b := make([]byte, size, 1<<n)
	return &b
}

// Put implements mem.BufferPool. Nobody may use the buffer from now on.
func (p *buffers) Put(b *[]byte) {
	n := bits.Len(uint(cap(*b))) - 1
	if n < minBufferBits || n > maxBufferBits || cap(*b) != 1<<n {
		return
	}
	if p.given != nil {
		p.given((*b)[:cap(*b)])
	}
	p.sizes[n].Put(b)
}

// sent is a frame as gRPC is to send it: one of raft's, which nobody holds but the message, is
// given back then.
func (p *buffers) sent(data []byte) mem.Buffer {
	if len(data) < frameHeader || frameKind(data[1]) != frameRaft {
		return mem.SliceBuffer(data)
	}
	return mem.NewBuffer(&data, p)
}
