package protocol

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// DefaultMaxRequestBytes is Kafka's default of socket.request.max.bytes: the largest frame behind
// its size.
const DefaultMaxRequestBytes = 100 << 20

// firstStep is how much memory a frame is given before any of its bytes arrived. Each further step
// multiplies what is there; those of large frames less, for what has not come yet is taken from
// others.
const (
	firstStep       = 4 << 10
	stepFactor      = 4
	largeFrame      = 1 << 20
	largeStepFactor = 2
)

// ErrMalformed is behind every error over bytes that are not Kafka's protocol. What follows them on
// the connection cannot be understood either: it must be closed.
var ErrMalformed = errors.New("malformed request")

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
}

// ReadFrame reads a size and as many bytes. Sizes beyond limit, or too small for a header, are
// ErrMalformed; io.EOF says that the stream ended before a frame, io.ErrUnexpectedEOF that it ended
// in one.
//
// Memory follows what has arrived, not what the size claims. Before each step grow is told how many
// more bytes of memory the frame takes; it may wait. Its error ends the reading and is returned.
func ReadFrame(r io.Reader, limit int, grow func(n int) error) ([]byte, error) {
	n, err := readSize(r, limit)
	if err != nil {
		return nil, err
	}
	var frame []byte
	for len(frame) < n {
		factor := stepFactor
		if len(frame) >= largeFrame {
			factor = largeStepFactor
		}
		step := min(n, max(firstStep, factor*len(frame)))
		if err := grow(step - len(frame)); err != nil {
			return nil, err
		}
		larger := make([]byte, step)
		have := copy(larger, frame)
		if _, err := io.ReadFull(r, larger[have:]); err != nil {
			return nil, unexpected(err)
		}
		frame = larger
	}
	return frame, nil
}

func readSize(r io.Reader, limit int) (int, error) {
	var prefix [4]byte
	if _, err := io.ReadFull(r, prefix[:]); err != nil {
		return 0, err
	}
	n := int32(binary.BigEndian.Uint32(prefix[:]))
	if n < minHeader {
		return 0, malformed("a frame of %d bytes cannot hold a request header", n)
	}
	if int(n) > limit {
		return 0, malformed("a frame of %d bytes is larger than socket.request.max.bytes, %d", n, limit)
	}
	return int(n), nil
}

// unexpected makes of the end of the stream the end of a frame.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
