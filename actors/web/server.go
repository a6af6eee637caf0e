package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/troupe-mq/troupe/actors/server"
)

// Server listens for a node's endpoints. Listen binds, Serve answers.
type Server struct {
	listener net.Listener
	http     http.Server
	cancel   context.CancelFunc // of the requests under way
	done     chan struct{}      // closed when it has ended
	err      error              // why, if not by Close; set before done is closed
}

// headerTimeout is how long a client may take for the head of a request.
const headerTimeout = 5 * time.Second

// closeGrace is how long Close waits for answers under way.
const closeGrace = time.Second

// Listen binds host:port; port 0 takes one that is free. Operators are let in, but not with the
// descriptors that the store needs.
func Listen(address string, log *slog.Logger) (*Server, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for HTTP on %s: %w", address, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{listener: server.Spare(l), cancel: cancel, done: make(chan struct{})}
	s.http.ReadHeaderTimeout = headerTimeout
	s.http.BaseContext = func(net.Listener) context.Context { return ctx }
	s.http.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelWarn)
	return s, nil
}

// Address is where the server is bound.
func (s *Server) Address() net.Addr { return s.listener.Addr() }

// Serve begins to answer, on a goroutine of its own, until Close.
func (s *Server) Serve(h http.Handler) {
	s.http.Handler = h
	go func() {
		defer close(s.done)
		if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			s.err = fmt.Errorf("HTTP on %s: %w", s.listener.Addr(), err)
		}
	}()
}

// Done is closed once the server has ended; Err says why.
func (s *Server) Done() <-chan struct{} { return s.done }

// Err is why the server has ended; nil after Close.
func (s *Server) Err() error { return s.err }

// Close ends the server: what is being answered is given up, and a moment to end. After Serve only
// once.
func (s *Server) Close() error {
	s.cancel()
	if s.http.Handler == nil { // it never served
		return s.listener.Close()
	}
	ctx, enough := context.WithTimeout(context.Background(), closeGrace)
	defer enough()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.http.Close()
	}
	<-s.done
	return err
}
