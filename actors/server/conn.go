package server

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/protocol"
)

// conn is a client connection: read decodes and hands over, write sends the answers in the order of the requests.
type conn struct {
	server   *Server
	nc       net.Conn
	listener string
	state    *Connection
	closed   chan struct{}
	once     sync.Once
	queue    chan queued // answers in order; closed by read
}

// queued is an answer on its way.
type queued struct {
	pending     *Pending
	correlation int32
	bytes       int64 // of the request, given back when the answer has left
}

func (s *Server) newConn(listener string, nc net.Conn) *conn {
	closed := make(chan struct{})
	return &conn{
		server: s, nc: nc, listener: listener, closed: closed,
		state: &Connection{ID: s.last.Add(1), Closed: closed, Values: make(map[string]any)},
		queue: make(chan queued, s.options.MaxPending),
	}
}

// close ends the connection at once.
func (c *conn) close() {
	c.once.Do(func() {
		close(c.closed)
		c.nc.Close()
		c.server.forget(c)
	})
}

// finish lets no more requests in and ends the connection once its answers have left, or after a while.
func (c *conn) finish(grace time.Duration) {
	c.nc.SetReadDeadline(time.Now())
	time.AfterFunc(grace, c.close)
}

// read is the connection's reader goroutine.
func (c *conn) read() {
	defer close(c.queue)
	r := bufio.NewReaderSize(c.nc, 64<<10)
	for {
		if err := c.one(r); err != nil {
			c.report(err)
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				c.close() // after a deadline the answers under way still leave
			}
			return
		}
	}
}

// one reads a request and hands it over.
func (c *conn) one(r *bufio.Reader) error {
	if idle := c.server.options.IdleTimeout; idle > 0 && r.Buffered() == 0 && !c.ending() {
		c.nc.SetReadDeadline(time.Now().Add(idle))
	}
	frame, err := protocol.ReadFrame(r, c.server.options.MaxRequestBytes, func(int) error { return nil })
	if err != nil {
		return err
	}
	if !c.server.budget.take(int64(len(frame)), c.closed) {
		return net.ErrClosed
	}
	h, rest, _, err := protocol.ParseHeader(frame)
	if err != nil {
		c.server.budget.give(int64(len(frame)))
		return err
	}
	p := NewPending()
	q := queued{p, h.CorrelationID, int64(len(frame))}
	body, err := c.decode(h, rest, p)
	if err != nil {
		c.server.budget.give(q.bytes)
		return err
	}
	select {
	case c.queue <- q:
	case <-c.closed:
		c.server.budget.give(q.bytes)
		return net.ErrClosed
	}
	if body != nil {
		c.server.options.Handler.Handle(c.request(h, body), p)
	}
	return nil
}

func (c *conn) ending() bool {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	return c.server.closed
}

// decode makes a request. One in a version that is not spoken is answered here, where there is an answer for it: body is then nil.
func (c *conn) decode(h protocol.Header, rest []byte, p *Pending) (body kmsg.Request, err error) {
	if c.server.options.Handler.Speaks(h.Key.Int16(), h.Version) {
		return protocol.ParseBody(h, rest)
	}
	if h.Key == kmsg.ApiVersions {
		p.Resolve(c.server.options.Handler.Versions())
		return nil, nil
	}
	return nil, &unspoken{h}
}

func (c *conn) request(h protocol.Header, body kmsg.Request) *Request {
	local, _, _ := net.SplitHostPort(c.nc.LocalAddr().String())
	return &Request{
		Body: body, ClientID: h.ClientID, Client: c.nc.RemoteAddr(), Listener: c.listener, Host: local, Connection: c.state,
	}
}

// report logs why a connection ended, unless it ended as connections do.
func (c *conn) report(err error) {
	if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded) || isReset(err) {
		return
	}
	c.server.log.warn("a client connection was closed over what it sent", "client", c.nc.RemoteAddr(), "error", err)
}

// write is the connection's writer goroutine: answers that are ready together leave together.
func (c *conn) write() {
	defer c.close()
	w := bufio.NewWriterSize(c.nc, 64<<10)
	var b []byte
	for q := range c.queue {
		select {
		case <-q.pending.Ready():
		default:
			if w.Flush() != nil {
				c.drop(q)
				return
			}
			select {
			case <-q.pending.Ready():
			case <-c.closed:
				c.drop(q)
				return
			}
		}
		if r := q.pending.Response(); r != nil {
			b = protocol.AppendResponse(b[:0], q.correlation, r)
			if _, err := w.Write(b); err != nil {
				c.drop(q)
				return
			}
			if cap(b) > keepBuffer {
				b = nil
			}
		}
		c.server.budget.give(q.bytes)
		if len(c.queue) == 0 && w.Flush() != nil {
			c.drop(queued{})
			return
		}
	}
	w.Flush()
}

// keepBuffer is the largest answer buffer that is kept for the next.
const keepBuffer = 1 << 20

// drop gives back what the answers that will not leave have taken.
func (c *conn) drop(q queued) {
	c.close()
	c.server.budget.give(q.bytes)
	for q := range c.queue {
		c.server.budget.give(q.bytes)
	}
}
