package server

import (
	"math/bits"
	"net"
	"sync"
	"time"

	"github.com/troupe-mq/troupe/actors/ledger"
	"github.com/troupe-mq/troupe/protocol"
)

// flushBytes is from how many bytes on answers are written without looking for more, pieceBytes how
// many are written at a time, and keepBuffer the largest buffer that a connection keeps for the
// next answers: most are idle at any moment.
const (
	flushBytes = 256 << 10
	pieceBytes = 256 << 10
	keepBuffer = 4 << 10
)

// commonSpare is the largest buffer that any answer may get, mostSpare the bound of those that are
// not left to the garbage collector.
const (
	commonSpare = 1 << 20
	mostSpare   = 16 << 20
)

// spares are larger buffers, for whichever connection answers next; largeSpares those that only a
// large answer gets, by the power of two of their size in MiB. An answer is counted by its bytes,
// so a client that takes nothing must not hold a buffer of more than twice as many.
var (
	spares      = sync.Pool{New: func() any { return new([]byte) }}
	largeSpares [4]sync.Pool
)

// largeClass is which of largeSpares a size belongs to that is more than commonSpare and less than
// mostSpare.
func largeClass(bytes int) int { return bits.Len(uint(bytes/commonSpare)) - 1 }

// spare returns an empty buffer for an answer of about so many bytes.
func spare(bytes int) []byte {
	if bytes <= commonSpare {
		return (*spares.Get().(*[]byte))[:0]
	}
	if bytes < mostSpare {
		if b, ok := largeSpares[largeClass(bytes)].Get().(*[]byte); ok {
			return (*b)[:0]
		}
	}
	return nil
}

// giveBack leaves a buffer to the next answers, if it is not so large that it had better be
// collected.
func giveBack(b []byte) {
	switch n := cap(b); {
	case n <= commonSpare:
		spares.Put(&b)
	case n < mostSpare:
		largeSpares[largeClass(n)].Put(&b)
	}
}

// write is the connection's writer goroutine.
func (c *conn) write() {
	w := &writer{c: c}
	if w.answerAll() == nil {
		w.flush()
	}
	w.giveOut()
	c.close()
	for _, p := range w.sent {
		c.release(p)
	}
	c.server.orphans.Go(c.abandon)
}

// abandon waits for the requests that nobody waits for any more: what they hold is under way until
// they are resolved.
func (c *conn) abandon() {
	for p := range c.queue {
		<-p.ready
		c.release(p)
	}
}

// writer gathers answers that are ready and writes them together.
type writer struct {
	c    *conn
	out  []byte     // encoded answers
	lent bool       // out is counted as lent
	sent []*Pending // whose answers are in out
}

// answerAll gathers and writes answers until there are no more requests, or the connection ends.
func (w *writer) answerAll() error {
	for {
		p, err := w.next()
		if p == nil || err != nil {
			return err
		}
		err = w.await(p)
		if err == nil {
			err = w.hold(p)
		}
		if err != nil {
			w.c.server.orphans.Go(func() { <-p.ready; w.c.release(p) })
			return err
		}
		p.ration.turn()
		w.sent = append(w.sent, p)
		if p.refused != nil {
			w.c.server.meters.refused.Add(1)
			w.c.server.log.warn("a client connection was closed over a request without an answer", "client", w.c.nc.RemoteAddr(), "listener", w.c.listener, "error", p.refused)
			return nil
		}
		if p.response != nil {
			w.encode(p)
		}
		if len(w.out) >= flushBytes {
			if err := w.flush(); err != nil {
				return err
			}
		}
	}
}

// encode adds an answer to those to be written, and lets go of what it was made of.
func (w *writer) encode(p *Pending) {
	if w.out == nil {
		w.out = spare(protocol.ResponseBytes(p.response))
	}
	w.lend(true)
	w.out = protocol.AppendResponse(w.out, p.correlationID, p.response)
	p.code, p.encoded, p.response = codeOf(p.response), true, nil
}

// next takes the next request, writing what is gathered before it waits for one; nil after the
// last.
func (w *writer) next() (*Pending, error) {
	select {
	case p := <-w.c.queue:
		return p, nil
	default:
	}
	if err := w.flush(); err != nil {
		return nil, err
	}
	select {
	case p := <-w.c.queue:
		return p, nil
	case <-w.c.closed:
		return nil, net.ErrClosed
	}
}

// await waits for an answer, writing what is gathered before it.
func (w *writer) await(p *Pending) error {
	select {
	case <-p.ready:
		return nil
	default:
	}
	if err := w.flush(); err != nil {
		return err
	}
	select {
	case <-p.ready:
		return nil
	case <-w.c.closed:
		return net.ErrClosed
	}
}

// flush writes what is gathered and gives back what its requests held.
func (w *writer) flush() error {
	var err error
	w.c.blocked.Store(len(w.out) > 0)
	for rest := w.out; len(rest) > 0 && err == nil; {
		n := min(len(rest), pieceBytes) // so that the deadline is one for progress, not for the whole
		w.c.nc.SetWriteDeadline(time.Now().Add(w.c.server.patience()))
		_, err = w.c.nc.Write(rest[:n])
		w.c.server.meters.out.Add(uint64(n))
		rest = rest[n:]
	}
	w.c.blocked.Store(false)
	w.letGo()
	if err == nil {
		w.c.server.measure(w.sent)
	}
	for _, p := range w.sent {
		w.c.release(p)
	}
	clear(w.sent)
	w.sent = w.sent[:0]
	return err
}

// letGo gives a large buffer to others.
func (w *writer) letGo() {
	w.lend(false)
	if w.out = w.out[:0]; cap(w.out) > keepBuffer {
		w.giveOut()
	}
}

// giveOut gives the buffer to others, whatever is in it.
func (w *writer) giveOut() {
	if w.out == nil {
		return
	}
	w.lend(false)
	giveBack(w.out[:0])
	w.out = nil
}

// lend counts a buffer with answers in it as lent; an empty one that the connection keeps is its
// own.
func (w *writer) lend(lent bool) {
	if lent == w.lent {
		return
	}
	if w.lent = lent; lent {
		w.c.server.options.Ledger.Take(ledger.Buffers, 1)
	} else {
		w.c.server.options.Ledger.Give(ledger.Buffers, 1)
	}
}

// patience is how long a client may take no bytes of its answer.
func (s *Server) patience() time.Duration {
	if s.answers.scarce() {
		return s.options.ScarceTimeout
	}
	return s.options.StallTimeout
}
