package server

import (
	"bytes"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/ledger"
)

// fake speaks every API as kmsg knows it, Fetch from version 4 on, and answers as the test says.
type fake struct{ handle func(*Request, *Pending) }

func (f fake) Handle(r *Request, p *Pending) { f.handle(r, p) }

func (f fake) Speaks(key, version int16) bool {
	r := kmsg.RequestForKey(key)
	return r != nil && version >= 0 && version <= r.MaxVersion() && (key != kmsg.Fetch.Int16() || version >= 4)
}

func (f fake) Waits(key int16) bool {
	return key == kmsg.Fetch.Int16() || key == kmsg.JoinGroup.Int16() || key == kmsg.SyncGroup.Int16()
}

func (f fake) Versions() kmsg.Response {
	r := kmsg.NewPtrApiVersionsResponse()
	r.ErrorCode = kerr.UnsupportedVersion.Code
	return r
}

// echo answers every request at once with an empty answer.
func echo(r *Request, p *Pending) { p.Resolve(r.Body.ResponseKind()) }

// logs is what the server logged.
type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// serve starts a server on loopback and returns it with its address and its logs.
func serve(t testing.TB, o Options, handle func(*Request, *Pending)) (*Server, string, *logs) {
	t.Helper()
	l := &logs{}
	o.Listeners = []Listener{{Name: "PLAINTEXT", Listen: "127.0.0.1:0"}}
	if o.Ledger == nil {
		o.Ledger = &ledger.Ledger{}
	}
	o.Handler, o.Logger = fake{handle}, slog.New(slog.NewTextHandler(l, nil))
	s, err := Listen(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Close() })
	t.Cleanup(func() { s.balanced(t, o.Ledger) })
	return s, s.Addresses()[0].String(), l
}

// balanced closes the server and sees that all it has taken is given back, but for requests that
// the test has not resolved.
func (s *Server) balanced(t testing.TB, l *ledger.Ledger) {
	s.Close()
	var open ledger.Reading
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); <-time.After(time.Millisecond) {
		if open = l.Read(); open["requests"] > 0 {
			open["requests"], open["request_bytes"] = 0, 0 // a test may leave them unanswered
		}
		if open.Open() == "" {
			return
		}
	}
	if !t.Failed() {
		t.Errorf("the server is closed, and its ledger has %s", open.Open())
	}
}

// client is one connection to a server.
type client struct {
	*testing.T
	net.Conn
}

func dial(t *testing.T, address string) client {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	return client{t, c}
}

func encode(r kmsg.Request, version int16, correlation int32) []byte {
	r.SetVersion(version)
	return kmsg.NewRequestFormatter(kmsg.FormatterClientID("test")).AppendRequest(nil, r, correlation)
}

func (c client) send(b []byte) {
	c.Helper()
	if _, err := c.Write(b); err != nil {
		c.Fatal(err)
	}
}

// receive returns the correlation id of the next answer and what follows it.
func (c client) receive() (int32, []byte) {
	c.Helper()
	var size [4]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		c.Fatal(err)
	}
	b := make([]byte, binary.BigEndian.Uint32(size[:]))
	if _, err := io.ReadFull(c, b); err != nil {
		c.Fatal(err)
	}
	return int32(binary.BigEndian.Uint32(b)), b[4:]
}

// ends waits until the server closes the connection, and returns how many bytes came before.
func (c client) ends() int64 {
	c.Helper()
	n, err := io.Copy(io.Discard, c)
	if e, ok := err.(net.Error); ok && e.Timeout() {
		c.Fatal("the connection is still open")
	}
	return n
}

// eventually polls until ok.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("not within 20 s: %s", what)
		}
		select {
		case <-time.After(time.Millisecond):
		case <-t.Context().Done():
		}
	}
}

func TestAnswersLeaveInTheOrderOfTheRequests(t *testing.T) {
	const n = 50
	all := make(chan *Pending, n)
	_, address, _ := serve(t, Options{}, func(_ *Request, p *Pending) { all <- p })
	c := dial(t, address)
	for i := range int32(n) {
		c.send(encode(kmsg.NewPtrHeartbeatRequest(), 4, i))
	}
	var pending []*Pending
	for range n {
		pending = append(pending, <-all)
	}
	for i := n - 1; i >= 0; i-- {
		r := kmsg.NewPtrHeartbeatResponse()
		r.Version = 4
		pending[i].Resolve(r)
	}
	for i := range int32(n) {
		if id, _ := c.receive(); id != i {
			t.Fatalf("answer %d came where %d was due", id, i)
		}
	}
}

func TestRequestsWithoutAnswerKeepTheOrder(t *testing.T) {
	_, address, _ := serve(t, Options{}, func(r *Request, p *Pending) {
		if r.Body.Key() == int16(kmsg.Produce) {
			p.Resolve(nil)
			return
		}
		echo(r, p)
	})
	c := dial(t, address)
	c.send(encode(kmsg.NewPtrProduceRequest(), 9, 1))
	c.send(encode(kmsg.NewPtrMetadataRequest(), 12, 2))
	if id, _ := c.receive(); id != 2 {
		t.Fatalf("answer %d", id)
	}
}

func TestRequestTellsWhoAsks(t *testing.T) {
	seen := make(chan *Request, 2)
	_, address, _ := serve(t, Options{}, func(r *Request, p *Pending) { seen <- r; echo(r, p) })
	c := dial(t, address)
	c.send(encode(kmsg.NewPtrMetadataRequest(), 12, 1))
	c.send(encode(kmsg.NewPtrMetadataRequest(), 12, 2))
	first, second := <-seen, <-seen
	if first.ClientID != "test" || first.Listener != "PLAINTEXT" || first.Host != "127.0.0.1" || first.Client.String() != c.LocalAddr().String() {
		t.Errorf("%+v", first)
	}
	if first.Connection == nil || first.Connection != second.Connection {
		t.Error("two requests of a connection do not share its state")
	}
}

func TestUnknownVersionOfApiVersionsIsAnsweredInVersion0(t *testing.T) {
	_, address, _ := serve(t, Options{}, echo)
	c := dial(t, address)
	frame := encode(kmsg.NewPtrApiVersionsRequest(), 4, 7)
	binary.BigEndian.PutUint16(frame[6:], 99)
	c.send(frame)
	id, body := c.receive()
	r := kmsg.NewPtrApiVersionsResponse()
	if err := r.ReadFrom(body); err != nil || id != 7 || r.ErrorCode != kerr.UnsupportedVersion.Code {
		t.Fatalf("answer %d: %+v %v", id, r, err)
	}
	c.send(encode(kmsg.NewPtrApiVersionsRequest(), 3, 8))
	if id, _ := c.receive(); id != 8 {
		t.Fatalf("answer %d on the same connection", id)
	}
}

// frame is bytes behind a size that is theirs.
func frame(body ...byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
}

// What cannot be understood closes its connection with a line that names the peer and the fault,
// and harms nobody else.
func TestBadInputEndsItsConnectionOnly(t *testing.T) {
	metadata := encode(kmsg.NewPtrMetadataRequest(), 12, 1)
	for name, test := range map[string]struct {
		sent []byte
		said string
	}{
		"a negative size":            {[]byte{0xff, 0xff, 0xff, 0xff}, "cannot hold a request header"},
		"an oversized one":           {[]byte{0x7f, 0xff, 0xff, 0xff, 1, 2, 3}, "larger than socket.request.max.bytes"},
		"an empty frame":             {[]byte{0, 0, 0, 0}, "cannot hold a request header"},
		"garbage":                    {[]byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), "sends HTTP"},
		"an unknown key":             {frame(0x70, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff), "is not spoken"},
		"a negative key":             {frame(0xff, 0xff, 0, 0, 0, 0, 0, 1, 0xff, 0xff), "is not spoken"},
		"an old version":             {encode(kmsg.NewPtrFetchRequest(), 3, 1), "Fetch (key 1) in version 3 is not spoken"},
		"a version to come":          {frame(0, 1, 0x7f, 0, 0, 0, 0, 1, 0xff, 0xff), "Fetch (key 1) in version 32512 is not spoken"},
		"a negative version":         {frame(0, 1, 0xff, 0xff, 0, 0, 0, 1, 0xff, 0xff), "in version -1 is not spoken"},
		"a cut body":                 {frame(metadata[4 : len(metadata)-2]...), "malformed request: Metadata v12"},
		"a long client id":           {frame(0, 3, 0, 12, 0, 0, 0, 1, 0x7f, 0xff, 'x'), "32767 bytes are claimed where 1 are left"},
		"a lying array":              {frame(0, 3, 0, 8, 0, 0, 0, 1, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff), "malformed request: Metadata v8"},
		"a topic whose name is null": {frame(0, 3, 0, 8, 0, 0, 0, 1, 0xff, 0xff, 0, 0, 0, 1, 0xff, 0xff, 0, 0, 0), "malformed request: Metadata v8"},
		"topics that are null":       {frame(0, 0, 0, 3, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0, 1, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff), "an array is null (Produce v3)"},
	} {
		t.Run(name, func(t *testing.T) {
			s, address, logged := serve(t, Options{MaxRequestBytes: 1 << 20}, echo)
			good, bad := dial(t, address), dial(t, address)
			bad.send(test.sent)
			if n := bad.ends(); n > 0 {
				t.Errorf("%d bytes were answered", n)
			}
			peer := "client=" + bad.LocalAddr().String() + " "
			eventually(t, "a line names the peer and the fault", func() bool {
				return strings.Contains(logged.String(), peer) && strings.Contains(logged.String(), test.said)
			})
			good.send(metadata)
			good.receive()
			eventually(t, "only the other connection is left, and nothing is held", func() bool { return s.Connections() == 1 && s.budget.inUse() == 0 })
		})
	}
}

// A client that goes away between requests is no news; one that does in the middle of one is named.
func TestACutFrameIsTold(t *testing.T) {
	s, address, logged := serve(t, Options{}, echo)
	whole := encode(kmsg.NewPtrMetadataRequest(), 12, 1)
	for i, n := range []int{0, 1, 4, 9, len(whole) - 1} {
		c := dial(t, address)
		c.send(whole[:n])
		c.Close()
		peer := "client=" + c.LocalAddr().String() + " "
		eventually(t, "the connection is forgotten, and told if a request was begun", func() bool {
			return s.last.Load() == uint64(i+1) && s.Connections() == 0 && s.budget.inUse() == 0 && strings.Contains(logged.String(), peer) == (n > 0)
		})
	}
}

func TestClosedTellsThatNobodyWaits(t *testing.T) {
	closed := make(chan struct{})
	s, address, _ := serve(t, Options{}, func(r *Request, p *Pending) {
		go func() {
			<-r.Connection.Closed
			echo(r, p)
			close(closed)
		}()
	})
	c := dial(t, address)
	c.send(encode(kmsg.NewPtrMetadataRequest(), 12, 1))
	eventually(t, "the connection is there", func() bool { return s.Connections() == 1 })
	c.Close()
	<-closed
}

func TestTooManyConnectionsAreRefused(t *testing.T) {
	s, address, _ := serve(t, Options{MaxConnections: 1}, echo)
	first := dial(t, address)
	first.send(encode(kmsg.NewPtrMetadataRequest(), 12, 1))
	first.receive()
	dial(t, address).ends()
	if s.Connections() != 1 {
		t.Errorf("%d connections", s.Connections())
	}
	first.send(encode(kmsg.NewPtrMetadataRequest(), 12, 2))
	first.receive()
}

func TestIdleConnectionsAreClosedUnlessTheyWait(t *testing.T) {
	waits := make(chan *Pending, 1)
	_, address, _ := serve(t, Options{IdleTimeout: 50 * time.Millisecond}, func(_ *Request, p *Pending) { waits <- p })
	waiting, idle := dial(t, address), dial(t, address)
	waiting.send(encode(kmsg.NewPtrMetadataRequest(), 12, 1))
	p := <-waits
	idle.ends()
	r := kmsg.NewPtrMetadataResponse()
	r.Version = 12
	p.Resolve(r)
	waiting.receive()
	waiting.ends()
}

func TestCloseLetsAnswersUnderWayLeave(t *testing.T) {
	got := make(chan *Pending, 1)
	s, address, _ := serve(t, Options{CloseGrace: 20 * time.Second}, func(_ *Request, p *Pending) { got <- p })
	c := dial(t, address)
	c.send(encode(kmsg.NewPtrMetadataRequest(), 12, 5))
	p := <-got
	closed := make(chan struct{})
	go func() { s.Close(); close(closed) }()
	eventually(t, "nobody is let in any more", func() bool {
		again, err := net.Dial("tcp", address)
		if err == nil {
			again.Close()
		}
		return err != nil
	})
	r := kmsg.NewPtrMetadataResponse()
	r.Version = 12
	p.Resolve(r)
	if id, _ := c.receive(); id != 5 {
		t.Fatalf("answer %d", id)
	}
	<-closed
}

func TestCloseDoesNotWaitForEver(t *testing.T) {
	got := make(chan *Pending, 1)
	s, address, _ := serve(t, Options{CloseGrace: 10 * time.Millisecond}, func(_ *Request, p *Pending) { got <- p })
	c := dial(t, address)
	c.send(encode(kmsg.NewPtrMetadataRequest(), 12, 5))
	p := <-got
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	c.ends()
	p.Resolve(nil) // late, and to nobody
}

func TestListenTellsWhichListenerFailed(t *testing.T) {
	_, address, _ := serve(t, Options{}, echo)
	_, err := Listen(Options{Handler: fake{echo}, Listeners: []Listener{{Name: "OTHER", Listen: address}}})
	if err == nil || !strings.Contains(err.Error(), "OTHER") || !strings.Contains(err.Error(), address) {
		t.Fatalf("%v", err)
	}
}

// TestConnectedClientsHoldNothing: a client that has its answers and stays connected has nothing in
// flight.
func TestConnectedClientsHoldNothing(t *testing.T) {
	o := Options{Ledger: &ledger.Ledger{}}
	_, address, _ := serve(t, o, echo)
	c := dial(t, address)
	for i := range int32(3) {
		c.send(encode(kmsg.NewPtrMetadataRequest(), 12, i))
		c.receive()
		eventually(t, "nothing is in flight", func() bool { return o.Ledger.Read().Open() == "" })
	}
}
