package node

import (
	"context"
	"sync"

	"github.com/troupe-mq/troupe/actors"
)

// signal wakes everybody who waits for a change of something that is read elsewhere.
type signal struct {
	mu sync.Mutex
	ch chan struct{}
}

// changed returns a channel that is closed at the next fire. Take it before looking at the thing
// itself.
func (s *signal) changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch == nil {
		s.ch = make(chan struct{})
	}
	return s.ch
}

func (s *signal) fire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch != nil {
		close(s.ch)
		s.ch = nil
	}
}

// until waits until ok says so, looking again after every fire, or until ctx ends.
func (n *Node) until(ctx context.Context, s *signal, ok func() bool) error {
	for {
		next := s.changed()
		if ok() {
			return nil
		}
		if n.world.Wait(actors.Forever, next, ctx.Done()) == 1 {
			return ctx.Err()
		}
	}
}
