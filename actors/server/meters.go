package server

import (
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/stages"
)

// meters count what a server does.
type meters struct {
	answers    sync.Map // outcome → *stages.Histogram of ns from request read to answer written
	in, out    atomic.Uint64
	accepted   atomic.Uint64
	turnedAway atomic.Uint64
	refused    atomic.Uint64 // connections closed over what they sent, and requests closed over
}

// outcome is how requests of a kind ended.
type outcome struct{ key, code int16 }

// Answered is how requests of one API that ended with one error code went.
type Answered struct {
	Key  int16         // of the API
	Code int16         // the first error code in the answer, 0 if there is none
	Took stages.Counts // ns from request read to answer written
}

// Reading is what a server has done since it was made, and what it has under way.
type Reading struct {
	Answered      []Answered
	Connections   int
	Accepted      uint64 // connections ever
	Refused       uint64 // connections closed over what was sent
	TurnedAway    uint64 // connections that there was no room for
	BytesIn       uint64 // of requests
	BytesOut      uint64 // of answers
	InFlightBytes int64  // of requests that are being read or not answered
}

// Read tells what the server has done.
func (s *Server) Read() Reading {
	r := Reading{
		Connections: s.Connections(), Accepted: s.meters.accepted.Load(), Refused: s.meters.refused.Load(),
		TurnedAway: s.meters.turnedAway.Load(),
		BytesIn:    s.meters.in.Load(), BytesOut: s.meters.out.Load(), InFlightBytes: s.budget.inUse(),
	}
	s.meters.answers.Range(func(k, h any) bool {
		o := k.(outcome)
		r.Answered = append(r.Answered, Answered{o.key, o.code, h.(*stages.Histogram).Read()})
		return true
	})
	return r
}

// answered counts a request whose answer was written.
func (m *meters) answered(p *Pending, now stages.Moment) {
	o := outcome{p.key, p.code}
	h, ok := m.answers.Load(o)
	if !ok {
		h, _ = m.answers.LoadOrStore(o, &stages.Histogram{})
	}
	h.(*stages.Histogram).Record(p.read.To(now))
}

// handle has a request handled, and measures what a produce request takes of its connection's time.
func (s *Server) handle(r *Request, p *Pending) {
	read := stages.Now()
	// before Handle: from then on p is also whoever's that resolves it
	p.key, p.read = r.Body.Key(), read
	s.options.Handler.Handle(r, p)
	if c := s.options.Stages; c != nil && r.Body.Key() == kmsg.Produce.Int16() {
		c.Check.Record(read.To(stages.Now()))
	}
}

// measure notes answers that were written.
func (s *Server) measure(sent []*Pending) {
	now := stages.Moment(0)
	for _, p := range sent {
		if p.read == 0 || !p.encoded {
			continue
		}
		if now == 0 {
			now = stages.Now()
		}
		s.meters.answered(p, now)
		if p.traced != nil {
			p.trace(now, s.options.Logger)
		}
		if c := s.options.Stages; c != nil && p.key == kmsg.Produce.Int16() {
			c.Answer.Record(p.resolved.To(now))
			c.Request.Record(p.read.To(now))
		}
	}
}
