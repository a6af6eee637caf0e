package server

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/stages"
)

// handle has a request handled, and measures what a produce request takes of its connection's time.
func (s *Server) handle(r *Request, p *Pending) {
	c := s.options.Stages
	if c == nil || r.Body.Key() != kmsg.Produce.Int16() {
		s.options.Handler.Handle(r, p)
		return
	}
	read := stages.Now()
	p.read = read // before Handle: from then on p is also whoever's that resolves it
	s.options.Handler.Handle(r, p)
	c.Check.Record(read.To(stages.Now()))
}

// measure notes answers that were written.
func (s *Server) measure(sent []*Pending) {
	now := stages.Moment(0)
	for _, p := range sent {
		if p.read == 0 || p.response == nil {
			continue
		}
		if now == 0 {
			now = stages.Now()
		}
		s.options.Stages.Answer.Record(p.resolved.To(now))
		s.options.Stages.Request.Record(p.read.To(now))
	}
}
