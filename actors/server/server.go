package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/troupe-mq/troupe/actors/ledger"
	"github.com/troupe-mq/troupe/actors/spans"
	"github.com/troupe-mq/troupe/actors/stages"
)

// Listener is where clients connect to.
type Listener struct {
	Name   string // e.g. PLAINTEXT
	Listen string // host:port
}

// Options are how a server behaves. Zero fields take the default.
type Options struct {
	Listeners       []Listener
	Handler         Handler
	Logger          *slog.Logger
	MaxRequestBytes int // largest request (socket.request.max.bytes), 100 MiB
	// most bytes of requests under way on the node (queued.max.request.bytes), 512 MiB
	InFlightBytes int64
	// the same for one connection, which may exceed it by one request, 32 MiB
	ConnectionBytes int64
	// most memory for fetched records that clients have not taken yet, 512 MiB
	AnswerBytes    int64
	MaxPending     int // most requests of one connection that wait for an answer, 256
	MaxConnections int // 100,000
	MaxPerAddress  int // most connections from one IP address, MaxConnections
	// how many files and connections the process may have open; some are kept for its files. Default:
	// what the system says
	Descriptors int
	// a connection silent this long is closed (connections.max.idle.ms), 10 min; negative: never
	IdleTimeout time.Duration
	// how long a client may take for the next bytes of a request or to take some of an answer, 30 s
	StallTimeout time.Duration
	// how long to take some of an answer while most of AnswerBytes is taken, 5 s
	ScarceTimeout time.Duration
	// how long one waits for the memory of others before requests that arrive too slowly are closed,
	// 500 ms
	HurryTimeout time.Duration
	// reports whether too many records wait for the disk for more to be taken; nil: never
	Crowded    func() bool
	CloseGrace time.Duration  // how long Close waits for answers under way, 1 s
	Tracer     *spans.Tracer  // nil while tracing is off
	Ledger     *ledger.Ledger // where what is in flight is counted; may be nil
	Stages     *stages.Clock  // where the time of produce requests is counted; may be nil
}

func (o *Options) setDefaults() {
	if o.MaxRequestBytes == 0 {
		o.MaxRequestBytes = 100 << 20
	}
	if o.InFlightBytes <= 0 {
		o.InFlightBytes = 512 << 20
	}
	if o.ConnectionBytes <= 0 {
		o.ConnectionBytes = 32 << 20
	}
	if o.AnswerBytes <= 0 {
		o.AnswerBytes = 512 << 20
	}
	if o.MaxPending == 0 {
		o.MaxPending = 256
	}
	if o.MaxConnections == 0 {
		o.MaxConnections = 100_000
	}
	if o.MaxPerAddress <= 0 {
		o.MaxPerAddress = o.MaxConnections
	}
	if o.Descriptors <= 0 {
		o.Descriptors = descriptorLimit()
	}
	if o.IdleTimeout == 0 {
		o.IdleTimeout = 10 * time.Minute
	}
	if o.StallTimeout <= 0 {
		o.StallTimeout = 30 * time.Second
	}
	if o.ScarceTimeout <= 0 {
		o.ScarceTimeout = min(5*time.Second, o.StallTimeout)
	}
	if o.HurryTimeout <= 0 {
		o.HurryTimeout = 500 * time.Millisecond
	}
	if o.CloseGrace == 0 {
		o.CloseGrace = time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

// reserveShare is the part of InFlightBytes that small requests may take beyond it.
const reserveShare = 8

// Server accepts client connections and hands their requests to the handler. Listen binds, Start
// lets clients in.
type Server struct {
	options   Options
	log       *limitedLog
	strangers *limitedLog // for what speaks another protocol
	budget    *budget
	answers   *answers
	meters    meters
	listeners []net.Listener
	last      atomic.Uint64  // connection id
	stopping  chan struct{}  // closed when no more requests are read
	running   sync.WaitGroup // acceptors, readers and writers
	// of requests whose connection is gone; they end with the handlers' work, and nobody waits for
	// them
	orphans sync.WaitGroup

	mu     sync.Mutex
	conns  map[*conn]struct{}
	from   map[string]int // connections by the IP address of their client
	closed bool
}

// keepAlive finds clients whose machine is gone within some two minutes.
var keepAlive = net.ListenConfig{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: time.Minute, Interval: 15 * time.Second, Count: 4}}

// Listen binds all listeners. Clients that connect before Start wait.
func Listen(o Options) (*Server, error) {
	o.setDefaults()
	s := &Server{
		options: o, log: newLimitedLog(o.Logger, time.Second, linesPerSecond), strangers: newLimitedLog(o.Logger, time.Minute, strangersPerMinute),
		stopping: make(chan struct{}), conns: make(map[*conn]struct{}), from: make(map[string]int), answers: &answers{limit: o.AnswerBytes, ledger: o.Ledger},
		budget: &budget{limit: o.InFlightBytes, reserve: o.InFlightBytes / reserveShare, hurry: o.HurryTimeout, crowded: o.Crowded, ledger: o.Ledger},
	}
	for _, l := range o.Listeners {
		ln, err := keepAlive.Listen(context.Background(), "tcp", l.Listen)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("listen for clients (%s) on %s: %w", l.Name, l.Listen, err), s.Close())
		}
		s.listeners = append(s.listeners, ln)
	}
	return s, nil
}

// Addresses are where the listeners are bound, in the order of the options.
func (s *Server) Addresses() []net.Addr {
	var all []net.Addr
	for _, l := range s.listeners {
		all = append(all, l.Addr())
	}
	return all
}

// Start begins to accept.
func (s *Server) Start() {
	for i, l := range s.listeners {
		s.running.Go(func() { s.accept(s.options.Listeners[i].Name, l) })
	}
}

// acceptRetry is the pause after a failed accept.
const acceptRetry = 10 * time.Millisecond

func (s *Server) accept(name string, l net.Listener) {
	for {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of file descriptors, most likely: others may end
			s.log.warn("a client could not be accepted", "error", err)
			select {
			case <-time.After(acceptRetry):
			case <-s.stopping:
			}
			continue
		}
		s.welcome(name, c)
	}
}

// welcome starts the goroutines of a connection, or turns it away.
func (s *Server) welcome(listener string, nc net.Conn) {
	c := s.newConn(listener, nc)
	s.mu.Lock()
	why := s.full(c)
	if why == "" && !s.closed {
		s.conns[c] = struct{}{}
		s.from[c.address]++
		s.meters.accepted.Add(1)
		s.running.Go(c.read)
		s.running.Go(c.write)
		s.mu.Unlock()
		return
	}
	s.mu.Unlock()
	nc.Close()
	if why != "" {
		s.meters.turnedAway.Add(1)
		s.log.warn("a client was turned away: "+why, "client", nc.RemoteAddr(), "listener", listener)
	}
}

// full tells why there is no room for another connection, empty if there is. The caller holds mu.
func (s *Server) full(c *conn) string {
	o := &s.options
	most := mostDescriptor(o.Descriptors)
	switch {
	case len(s.conns) >= o.MaxConnections:
		return fmt.Sprintf("there are as many connections as max.connections says, %d", o.MaxConnections)
	case s.from[c.address] >= o.MaxPerAddress:
		return fmt.Sprintf("its address has as many connections as max.connections.per.ip says, %d", o.MaxPerAddress)
	case most > 0 && descriptorOf(c.nc) > most:
		return fmt.Sprintf("the process may have %d files and connections open, and the last %d are kept for its files: raise the limit (ulimit -n, LimitNOFILE), or lower max.connections",
			o.Descriptors, o.Descriptors-most)
	}
	return ""
}

func (s *Server) forget(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.conns[c]; !known {
		return
	}
	delete(s.conns, c)
	if s.from[c.address]--; s.from[c.address] == 0 {
		delete(s.from, c.address)
	}
}

// Connections is how many clients are connected.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// isStopping reports whether the server reads no more requests.
func (s *Server) isStopping() bool {
	select {
	case <-s.stopping:
		return true
	default:
		return false
	}
}

// Close stops accepting and reading, lets answers under way leave for a moment, and closes all
// connections; those on which only long polls are open at once. When it returns no request is
// handed to the handler any more; one that is still open may be resolved later, to nobody.
func (s *Server) Close() error {
	var errs []error
	for _, l := range s.listeners {
		if err := l.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	s.mu.Lock()
	if !s.closed {
		close(s.stopping)
	}
	s.closed = true
	for c := range s.conns {
		c.stopReading()
	}
	s.mu.Unlock()
	for _, c := range s.open() {
		if c.idle() {
			c.close()
		}
	}
	abandon := time.AfterFunc(s.options.CloseGrace, s.closeAll)
	s.running.Wait()
	abandon.Stop()
	return errors.Join(errs...)
}

// closeAll closes all connections at once.
func (s *Server) closeAll() {
	for _, c := range s.open() {
		c.close()
	}
}

func (s *Server) open() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.conns))
}
