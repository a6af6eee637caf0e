package protocol

import (
	"encoding/binary"
	"fmt"
	"io"
)

// readStep is how much memory a frame is given before more of it has arrived.
const readStep = 64 << 10

// ReadFrame reads one request behind its length. max bounds it. Memory grows as bytes arrive, never with a length that is merely claimed.
func ReadFrame(r io.Reader, max int) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := int64(int32(binary.BigEndian.Uint32(head[:])))
	if n < 0 || n > int64(max) {
		return nil, fmt.Errorf("protocol: a request of %d bytes; at most %d are taken (socket.request.max.bytes)", n, max)
	}
	b := make([]byte, min(n, readStep))
	read := 0
	for {
		k, err := io.ReadFull(r, b[read:])
		read += k
		if err != nil {
			return nil, fmt.Errorf("protocol: a request ended after %d of %d bytes: %w", read, n, err)
		}
		if int64(read) == n {
			return b, nil
		}
		grown := make([]byte, min(n, 4*int64(len(b))))
		copy(grown, b)
		b = grown
	}
}
