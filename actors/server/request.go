package server

import (
	"net"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/access"
	"github.com/troupe-mq/troupe/actors/ledger"
	"github.com/troupe-mq/troupe/actors/spans"
	"github.com/troupe-mq/troupe/actors/stages"
)

// Request is one decoded request of a client.
type Request struct {
	Body       kmsg.Request  // version is set
	ClientID   string        // empty if null
	Client     net.Addr      // the peer, for logs
	From       access.Client // who it is, and from where
	Listener   string        // name of the listener that accepted the connection, e.g. "PLAINTEXT"
	Host       string        // the host the client dialled as far as the socket tells (local address)
	Connection *Connection   // state that lives as long as the connection
}

// Connection is what handlers may keep for one client connection. Handlers of one connection are
// called one after another by its reader goroutine; what outlives a call must guard itself.
type Connection struct {
	ID     uint64
	Closed <-chan struct{} // closed when the connection is gone: long polls end then

	// From is who the client is, which requests that are read from then on are from; owned by the
	// reader goroutine. Anonymous until it has said.
	From access.Client

	SoftwareName, SoftwareVersion string         // from ApiVersions
	Values                        map[string]any // owned by the reader goroutine
}

// Handler answers requests. Handle is called on the connection's reader goroutine and must return
// soon: what waits (for a commit, for data, for another node) goes on elsewhere and resolves p
// later. p is resolved exactly once.
type Handler interface {
	Handle(r *Request, p *Pending)
	// Speaks reports whether requests of a key in a version are answered at all.
	Speaks(key, version int16) bool
	// Waits reports whether requests of a key wait for something to happen, by design.
	Waits(key int16) bool
	// Versions is the answer to an ApiVersions request in a version that is not spoken: in version 0,
	// with UNSUPPORTED_VERSION (KIP-511).
	Versions() kmsg.Response
}

// Pending is the place of one answer in the order of a connection's answers.
type Pending struct {
	done     atomic.Bool
	response kmsg.Response // nil once it is encoded
	code     int16         // the first error code in it, once it is encoded
	encoded  bool
	refused  error
	ready    chan struct{}

	correlationID int32
	bytes         int    // of the request
	held          *claim // of the node's budget
	conn          *conn  // nil for one without a connection
	holds         atomic.Int32
	polls         bool   // counted in the connection's polls
	ration        ration // of the node's memory for answers
	stowed        int64  // bytes of the answer, if others had to leave first when it was made
	lengthy       bool   // it counts as one whose answer may be large

	heldUntil time.Time // the answer is not sent before, see Throttle

	key            int16 // of the request's API
	read, resolved stages.Moment

	tracer *spans.Tracer
	began  stages.Moment // the request's first byte was there, if tracing is on
	traced []*spans.Traced
}

// NewPending returns an unresolved Pending.
func NewPending() *Pending { return &Pending{ready: make(chan struct{})} }

// Hold keeps what the request takes of the node's memory, beyond its answer, until drop is called,
// once: for what may be answered and is still under way, such as records that wait for the disk
// after their client has given up. Otherwise a client could fill the memory with what it does not
// wait for. It is called before Resolve.
func (p *Pending) Hold() (drop func()) {
	p.holds.Add(1)
	return p.drop
}

// drop gives back what the request holds once the last one has who holds it, the connection among
// them.
func (p *Pending) drop() {
	if p.holds.Add(-1) >= 0 || p.conn == nil {
		return
	}
	p.conn.server.options.Ledger.Give(ledger.Requests, 1)
	p.conn.unanswered.Add(-int64(p.bytes))
	p.held.giveBack()
	p.conn.more()
}

// Resolve sets the answer; nil means that no answer is sent (acks=0). Safe for any goroutine; the
// second call of a Pending panics, because two answers to one request are a broken invariant.
func (p *Pending) Resolve(response kmsg.Response) { p.resolve(response, nil) }

// Refuse closes the connection in place of an answer, after the answers before it; cause is logged.
// It is for requests that no answer can be given to. Like Resolve it ends the Pending.
func (p *Pending) Refuse(cause error) { p.resolve(nil, cause) }

func (p *Pending) resolve(response kmsg.Response, refused error) {
	if p.done.Swap(true) {
		panic("server: a request was answered twice")
	}
	if p.polls {
		p.conn.polls.Add(-1)
	}
	p.response, p.refused = response, refused
	p.stow(response)
	if p.read != 0 {
		p.resolved = stages.Now()
	}
	close(p.ready)
}

// Ready is closed once the answer is there.
func (p *Pending) Ready() <-chan struct{} { return p.ready }

// Response returns the answer, valid after Ready is closed and until it is written.
func (p *Pending) Response() kmsg.Response { return p.response }

// Refused returns the cause given to Refuse, nil if there was none. Valid after Ready is closed.
func (p *Pending) Refused() error { return p.refused }
