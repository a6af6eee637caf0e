package server

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/ledger"
)

// throttled has a server throttle the first request of a connection, sends two, and returns when
// each was handled, and the ledger.
func throttled(t *testing.T, hold, mute time.Duration) (s *Server, c client, handled chan time.Time, books *ledger.Ledger) {
	t.Helper()
	books, handled = &ledger.Ledger{}, make(chan time.Time, 2)
	first := true // of the one connection's reader
	s, address, _ := serve(t, Options{Ledger: books}, func(r *Request, p *Pending) {
		handled <- time.Now()
		if first {
			first = false
			p.Throttle(hold, mute)
		}
		p.Resolve(r.Body.ResponseKind())
	})
	c = dial(t, address)
	for i := range int32(2) {
		c.send(encode(kmsg.NewPtrMetadataRequest(), 12, i))
	}
	return s, c, handled, books
}

// until polls for a number of waits in the ledger.
func until(t *testing.T, books *ledger.Ledger, waits int64) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); books.Read()[ledger.Waits.String()] != waits; <-time.After(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d waits are in the ledger after 20 s, want %d", books.Read()[ledger.Waits.String()], waits)
		}
	}
}

func TestAMutedConnectionTakesItsNextRequestLater(t *testing.T) {
	const mute = 50 * time.Millisecond
	_, c, handled, books := throttled(t, 0, mute)
	c.receive()
	c.receive()
	if first, second := <-handled, <-handled; second.Sub(first) < mute {
		t.Errorf("the second request is handled %s after the first, which mutes for %s", second.Sub(first), mute)
	}
	until(t, books, 0)
}

func TestAHeldAnswerIsSentLater(t *testing.T) {
	const hold = 50 * time.Millisecond
	_, c, handled, books := throttled(t, hold, 0)
	c.receive()
	if took := time.Since(<-handled); took < hold {
		t.Errorf("the answer came after %s, held for %s", took, hold)
	}
	until(t, books, 0)
}

// What a throttle takes is given back with the connection.
func TestAThrottleEndsWithItsConnection(t *testing.T) {
	for name, hold := range map[string]time.Duration{"muted": 0, "held": time.Hour} {
		t.Run(name, func(t *testing.T) {
			s, c, handled, books := throttled(t, hold, time.Hour-hold)
			<-handled
			until(t, books, 1)
			if hold == 0 {
				c.receive() // the client is told at once
			}
			if len(handled) > 0 && hold == 0 {
				t.Error("a muted connection brings requests")
			}
			s.Close()
			until(t, books, 0)
		})
	}
}
