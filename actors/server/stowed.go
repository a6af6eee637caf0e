package server

import (
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/protocol"
)

// A request of some bytes can have an answer of megabytes: all topics, all offsets of a group.
// Answers leave in the order of the requests, so behind one that takes long (a fetch that waits) a
// client could have hundreds of them made that nobody counts. Kafka reads no request of a
// connection before the one before is answered. Here a connection has requests under way together,
// but no more are read while it has mostStowed bytes of answers that wait for others, or
// mostLengthy requests whose answers may be large.
const (
	mostStowed  = 1 << 20
	mostLengthy = 4
)

// stowed is what a connection has of answers that are made, or will be, and not on their way out.
// Fetched records are not among it: they are made in turn (see answers).
type stowed struct {
	bytes atomic.Int64 // of answers that were made before it was their turn
	// requests under way whose answers may be large and are made elsewhere, some time
	lengthy atomic.Int64
}

// full reports whether no more requests are to be read for now.
func (s *stowed) full() bool { return s.bytes.Load() >= mostStowed || s.lengthy.Load() >= mostLengthy }

// lengthy reports whether an answer is made elsewhere and may be much larger than its request.
func lengthy(key int16) bool {
	switch kmsg.Key(key) {
	case kmsg.Metadata, kmsg.OffsetFetch, kmsg.DescribeGroups, kmsg.ListGroups, kmsg.CreateTopics:
		return true
	}
	return false
}

// expect counts a request before it is handled.
func (s *stowed) expect(p *Pending, key int16) {
	if p.lengthy = lengthy(key); p.lengthy {
		s.lengthy.Add(1)
	}
}

// stow counts an answer that was just made, if others of its connection come first.
func (p *Pending) stow(response kmsg.Response) {
	if p.conn == nil || response == nil || p.ration.number == p.conn.line.written.Load() {
		return
	}
	if _, fetched := response.(*kmsg.FetchResponse); !fetched {
		p.stowed = int64(protocol.HeldBytes(response))
		p.conn.stowed.bytes.Add(p.stowed)
	}
}

// unstow gives back what a request whose answer has left, or never will, counted for.
func (s *stowed) unstow(p *Pending) {
	s.bytes.Add(-p.stowed)
	if p.lengthy {
		s.lengthy.Add(-1)
	}
}
