package server

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/ledger"
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
		for _, step := range []func() error{c.awaitRoom, c.awaitRequest, c.awaitUnmuted, c.one} {
			if err := step(); err != nil {
				return err
			}
		}
	}
}

// awaitRoom waits until the connection may have another request under way: not while an answer is
// being written, or clients that do not read would have more and more of them made, nor while too
// much waits behind another (see stowed).
func (c *conn) awaitRoom() error {
	for c.blocked.Load() || c.stowed.full() || c.unanswered.Load() >= c.server.options.ConnectionBytes || c.waiting.Load() >= int64(c.server.options.MaxPending) {
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

// awaitRequest waits for the first byte of a request. A connection is idle only if it does not wait
// for an answer.
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

// within sets how long reads may take from now on, negative for ever. It looks for the server's end
// after that, because it may have overridden stopReading.
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
type steady struct {
	c    *conn
	held *claim
}

func (s steady) Read(b []byte) (int, error) {
	if s.c.in.Buffered() == 0 {
		if err := s.c.within(s.c.server.options.StallTimeout); err != nil {
			return 0, err
		}
	}
	n, err := s.c.in.Read(b)
	s.held.arrived.Add(int64(n))
	return n, err
}

// one reads a request and hands it over.
func (c *conn) one() error {
	held, err := c.claim()
	if err != nil {
		return err
	}
	frame, err := protocol.ReadFrame(steady{c, held}, c.server.options.MaxRequestBytes, func(n int) error { return c.take(held, n) })
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

// claim looks at how a request begins: how large it is to be, and of what kind.
func (c *conn) claim() (*claim, error) {
	if err := c.within(c.server.options.StallTimeout); err != nil {
		return nil, err
	}
	held := &claim{budget: c.server.budget, slow: c.closeSlow}
	head, err := c.in.Peek(4)
	if err != nil {
		return nil, begun(err)
	}
	switch size := int32(binary.BigEndian.Uint32(head)); {
	case int64(size) > int64(c.server.options.MaxRequestBytes):
		if s := strange(head); s != "" {
			return nil, &stranger{s}
		}
	case size >= 2 && size <= smallRequest:
		if head, err = c.in.Peek(4 + 2); err != nil {
			return nil, begun(err)
		}
		held.small = int16(binary.BigEndian.Uint16(head[4:])) != kmsg.Produce.Int16()
		if c.in.Buffered() >= 4+int(size) {
			return held, nil // it is there, and need not be watched
		}
	}
	c.server.budget.begin(held)
	return held, nil
}

// begun makes of an error in the first bytes of a request one in a request.
func begun(err error) error {
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if ended(err) {
		return unfinished{err}
	}
	return err
}

// take takes n bytes more for a request, waiting for them.
func (c *conn) take(held *claim, n int) error {
	if !held.take(int64(n), c.closed, c.server.stopping) {
		return errStopped
	}
	return nil
}

// hand decodes a request and has it handled. Nothing is queued if it returns an error.
func (c *conn) hand(h protocol.Header, rest []byte, held *claim, size int) error {
	c.server.budget.arrivedWhole(held)
	p := NewPending()
	p.correlationID, p.held, p.bytes, p.conn = h.CorrelationID, held, size, c
	p.ration = ration{of: c.server.answers, line: &c.line, number: c.queued}
	p.tracer, p.began = c.server.options.Tracer, c.began
	c.server.meters.in.Add(uint64(size))
	body, err := c.decodeWithin(h, rest, p)
	if err != nil {
		return err
	}
	c.server.options.Ledger.Take(ledger.Requests, 1)
	c.unanswered.Add(int64(size))
	c.waiting.Add(1)
	if p.polls = c.server.options.Handler.Waits(h.Key.Int16()); p.polls {
		c.polls.Add(1)
	}
	c.stowed.expect(p, h.Key.Int16())
	c.queued++
	c.queue <- p // has room: awaitRoom saw to it
	if body != nil {
		c.server.handle(c.request(h, body), p)
	}
	return nil
}

// littleBody is the size of a body up to which what it takes decoded is not counted; answerFactor
// is how often an array is in memory, in the request, in its answer and while it is worked on.
const (
	littleBody   = 4 << 10
	answerFactor = 4
)

// decodeWithin decodes a request within the node's budget: while it is decoded it is taken to need
// the most it can, after that what it does.
func (c *conn) decodeWithin(h protocol.Header, rest []byte, p *Pending) (kmsg.Request, error) {
	if len(rest) <= littleBody {
		return c.decode(h, rest, p)
	}
	most := 2 * c.server.options.InFlightBytes
	if n := len(rest) * protocol.DecodeFactor; h.Key != kmsg.Produce {
		if int64(n) > most {
			return nil, fmt.Errorf("%w: %s of %d bytes takes more memory than there is for requests", protocol.ErrMalformed, h.Key.Name(), len(rest))
		}
		if err := c.take(p.held, n); err != nil {
			return nil, err
		}
	}
	body, err := c.decode(h, rest, p)
	if err != nil || body == nil {
		return body, err
	}
	n := protocol.DecodedBytes(body) * answerFactor
	if int64(n) > most {
		return nil, fmt.Errorf("%w: %s of %d bytes has arrays that take more memory than there is for requests", protocol.ErrMalformed, h.Key.Name(), len(rest))
	}
	p.held.settle(int64(p.bytes + n))
	return body, nil
}

// decode makes a request. One in a version that is not spoken is answered here, where there is an
// answer for it: body is then nil.
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
		Body: body, ClientID: h.ClientID, Client: c.nc.RemoteAddr(), From: c.state.From, Listener: c.listener, Host: local, Connection: c.state,
	}
}

// report logs why a connection ended, unless it ended as connections do.
func (c *conn) report(err error) {
	foreign := (*stranger)(nil)
	switch {
	case c.tooSlow.Load():
		c.server.meters.refused.Add(1)
		c.server.log.warn("a client connection was closed because others waited for the memory of a request that arrived too slowly", "client", c.nc.RemoteAddr(), "listener", c.listener, "least_bytes_per_second", leastRate)
	case errors.As(err, &foreign):
		c.server.meters.refused.Add(1)
		c.server.strangers.warn("a client connection was closed: "+foreign.Error(), "client", c.nc.RemoteAddr(), "listener", c.listener)
	case err == io.EOF || errors.Is(err, errStopped) || errors.Is(err, net.ErrClosed):
	case ended(err) && (c.server.isStopping() || !errors.As(err, new(unfinished))):
	case ended(err):
		c.server.log.info("a client connection ended within a request", "client", c.nc.RemoteAddr(), "listener", c.listener, "error", err)
	default:
		c.server.meters.refused.Add(1)
		c.server.log.warn("a client connection was closed over what it sent", "client", c.nc.RemoteAddr(), "listener", c.listener, "error", err)
	}
}
