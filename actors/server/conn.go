package server

import (
	"bufio"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/troupe-mq/troupe/actors/access"
	"github.com/troupe-mq/troupe/actors/stages"
)

// readBuffer is what a connection reads at a time; larger requests are read past it. Most
// connections are idle at any moment, and keep it.
const readBuffer = 2 << 10

// conn is a client connection: read decodes and hands over, write sends the answers in the order of
// the requests.
type conn struct {
	server   *Server
	nc       net.Conn
	in       *bufio.Reader
	listener string
	address  string // IP of the client
	state    *Connection
	closed   chan struct{}
	began    stages.Moment // the first byte of the request being read was there, if tracing is on
	once     sync.Once
	queue    chan *Pending // from read to write, in the order of the requests; closed by read
	queued   uint64        // requests ever; read's
	line     line          // guarded by the server's answers

	stowed     stowed
	unanswered atomic.Int64 // bytes of requests read, and not answered or still under way
	waiting    atomic.Int64 // requests read and not answered
	// of waiting: those that wait for something to happen, as long as it takes, and are not resolved
	polls atomic.Int64
	// an answer is being written, which takes long if the client does not take it
	blocked  atomic.Bool
	answered chan struct{} // holds a token after an answer has left
	tooSlow  atomic.Bool   // it was closed for others who waited
	// no request is taken before; nil: the connection is not muted
	mutedUntil atomic.Pointer[time.Time]
}

func (s *Server) newConn(listener string, nc net.Conn) *conn {
	closed := make(chan struct{})
	address, _, _ := net.SplitHostPort(nc.RemoteAddr().String())
	host, _ := netip.ParseAddr(address)
	return &conn{
		server: s, nc: nc, address: address, in: bufio.NewReaderSize(nc, readBuffer), listener: listener, closed: closed,
		state:    &Connection{ID: s.last.Add(1), Closed: closed, From: access.Client{Principal: access.Anonymous, Host: host}, Values: make(map[string]any)},
		queue:    make(chan *Pending, s.options.MaxPending),
		answered: make(chan struct{}, 1),
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

// closeSlow closes the connection for others who wait for what its request holds.
func (c *conn) closeSlow() {
	c.tooSlow.Store(true)
	c.close()
}

// stopReading lets no more requests in; answers under way still leave.
func (c *conn) stopReading() { c.nc.SetReadDeadline(time.Unix(1, 0)) }

// idle reports whether nothing is under way but what waits for something to happen: a server that
// stops need not wait for it.
func (c *conn) idle() bool {
	polls := c.polls.Load()
	return polls > 0 && polls == c.waiting.Load()
}

// release gives back what a request held, but for what is still under way of it.
func (c *conn) release(p *Pending) {
	c.waiting.Add(-1)
	c.stowed.unstow(p)
	p.ration.leave()
	p.drop()
	c.more()
	if c.server.isStopping() && c.idle() {
		c.close()
	}
}

// more has the reader look whether it may go on.
func (c *conn) more() {
	select {
	case c.answered <- struct{}{}:
	default:
	}
}
