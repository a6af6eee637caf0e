package node

import (
	"context"
	"sync"
)

// signal wakes everybody who waits for a change of something that is read elsewhere.
type signal struct {
	mu sync.Mutex
	ch chan struct{}
}

// changed returns a channel that is closed at the next fire. Take it before looking at the thing itself.
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
func (s *signal) until(ctx context.Context, ok func() bool) error {
	for {
		next := s.changed()
		if ok() {
			return nil
		}
		select {
		case <-next:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
