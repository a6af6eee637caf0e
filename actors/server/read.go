package server

import (
	"errors"
	"io"
	"net"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/stages"
	"github.com/troupe-mq/troupe/protocol"
)

// errStopped ends a reader because the server or the connection does.
var errStopped = errors.New("server: stopped")

// read is the connection's reader goroutine.
func (c *conn) read() {
	err := c.readAll()
	close(c.queue)
	c.report(err)
	if !c.server.isStopping() && !errors.Is(err, os.ErrDeadlineExceeded) {
		c.close() // after a deadline the answers under way still leave
	}
}

func (c *conn) readAll() error {
	for {
		for _, step := range []func() error{c.awaitRoom, c.awaitRequest, c.one} {
			if err := step(); err != nil {
				return err
			}
		}
	}
}

// awaitRoom waits until the connection may have another request under way: not while an answer is being written, or clients that do not read would have more and
// more of them made.
func (c *conn) awaitRoom() error {
	for c.blocked.Load() || c.unanswered.Load() >= c.server.options.ConnectionBytes || c.waiting.Load() >= int64(c.server.options.MaxPending) {
		select {
		case <-c.answered:
		case <-c.closed:
			return errStopped
		case <-c.server.stopping:
			return errStopped
		}
	}
	return nil
}

// awaitRequest waits for the first byte of a request. A connection is idle only if it does not wait for an answer.
func (c *conn) awaitRequest() error {
	for {
		if err := c.within(c.server.options.IdleTimeout); err != nil {
			return err
		}
		_, err := c.in.Peek(1)
		if c.server.options.Tracer != nil {
			c.began = stages.Now()
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) || c.server.isStopping() || c.waiting.Load() == 0 {
			return err
		}
	}
}

// within sets how long reads may take from now on, negative for ever. It looks for the server's end after that, because it may have overridden
// stopReading.
func (c *conn) within(d time.Duration) error {
	var at time.Time
	if d > 0 {
		at = time.Now().Add(d)
	}
	c.nc.SetReadDeadline(at)
	if c.server.isStopping() {
		return errStopped
	}
	return nil
}

// steady is the connection while a request is read: each read has to bring something in time.
type steady struct{ c *conn }

func (s steady) Read(b []byte) (int, error) {
	if s.c.in.Buffered() == 0 {
		if err := s.c.within(s.c.server.options.StallTimeout); err != nil {
			return 0, err
		}
	}
	return s.c.in.Read(b)
}

// one reads a request and hands it over.
func (c *conn) one() error {
	held := &claim{budget: c.server.budget}
	frame, err := protocol.ReadFrame(steady{c}, c.server.options.MaxRequestBytes, func(n int) error {
		if !held.take(int64(n), c.closed, c.server.stopping) {
			return errStopped
		}
		return nil
	})
	if err != nil {
		held.giveBack()
		if ended(err) {
			return unfinished{err}
		}
		return err
	}
	h, rest, _, err := protocol.ParseHeader(frame)
	if err == nil {
		err = c.hand(h, rest, held, len(frame))
	}
	if err != nil {
		held.giveBack()
	}
	return err
}

// hand decodes a request and has it handled. Nothing is queued if it returns an error.
func (c *conn) hand(h protocol.Header, rest []byte, held *claim, size int) error {
	p := NewPending()
	p.correlationID, p.held, p.bytes = h.CorrelationID, held, size
	p.ration = ration{of: c.server.answers, line: &c.line, number: c.queued}
	p.tracer, p.began = c.server.options.Tracer, c.began
	c.server.meters.in.Add(uint64(size))
	body, err := c.decode(h, rest, p)
	if err != nil {
		return err
	}
	c.unanswered.Add(int64(size))
	c.waiting.Add(1)
	c.queued++
	c.queue <- p // has room: awaitRoom saw to it
	if body != nil {
		c.server.handle(c.request(h, body), p)
	}
	return nil
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
	switch {
	case err == io.EOF || errors.Is(err, errStopped) || errors.Is(err, net.ErrClosed):
	case ended(err) && (c.server.isStopping() || !errors.As(err, new(unfinished))):
	case ended(err):
		c.server.log.info("a client connection ended within a request", "client", c.nc.RemoteAddr(), "listener", c.listener, "error", err)
	default:
		c.server.meters.refused.Add(1)
		c.server.log.warn("a client connection was closed over what it sent", "client", c.nc.RemoteAddr(), "listener", c.listener, "error", err)
	}
}
