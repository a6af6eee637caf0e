package server

import (
	"net"
	"time"

	"github.com/troupe-mq/troupe/actors/ledger"
)

// longestThrottle bounds how long an answer is held and a connection muted: meanwhile nobody
// notices that the client has gone.
const longestThrottle = time.Minute

// Throttle slows a client down. Its answer, and those after it on the connection, are sent no
// earlier than hold from now (an answer to a wrong password); and the connection takes no further
// request before mute has passed (KIP-219: the client is told at once for how long). Both end with
// the connection. It is called before Resolve.
func (p *Pending) Throttle(hold, mute time.Duration) {
	now := time.Now()
	p.heldUntil = now.Add(min(hold, longestThrottle))
	if p.conn != nil {
		p.conn.mute(now.Add(min(mute, longestThrottle)))
	}
}

// mute has the connection take no request before a moment.
func (c *conn) mute(until time.Time) {
	for {
		before := c.mutedUntil.Load()
		if before != nil && !before.Before(until) || c.mutedUntil.CompareAndSwap(before, &until) {
			return
		}
	}
}

// awaitUnmuted waits until the connection may take another request. Nothing of that is read by
// then, so it holds none of the memory of others.
func (c *conn) awaitUnmuted() error {
	for until := c.mutedUntil.Load(); until != nil && c.server.passes(*until, c.closed, c.server.stopping); until = c.mutedUntil.Load() {
		if c.mutedUntil.CompareAndSwap(until, nil) {
			return nil
		}
	}
	if c.mutedUntil.Load() != nil {
		return errStopped
	}
	return nil
}

// hold waits until an answer may be sent, writing what is gathered before it.
func (w *writer) hold(p *Pending) error {
	if time.Until(p.heldUntil) <= 0 {
		return nil
	}
	if err := w.flush(); err != nil {
		return err
	}
	if !w.c.server.passes(p.heldUntil, w.c.closed, nil) {
		return net.ErrClosed
	}
	return nil
}

// passes waits for a moment and reports whether it has come: false if something ended before.
func (s *Server) passes(at time.Time, ended, stopped <-chan struct{}) bool {
	left := time.Until(at)
	if left <= 0 {
		return true
	}
	s.options.Ledger.Take(ledger.Waits, 1)
	defer s.options.Ledger.Give(ledger.Waits, 1)
	t := time.NewTimer(left)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ended:
	case <-stopped:
	}
	return false
}
