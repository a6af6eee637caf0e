package web

import (
	"log/slog"
	"net/http"
	"testing"
	"time"
)

func listen(t *testing.T) *Server {
	t.Helper()
	s, err := Listen("127.0.0.1:0", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Close gives up what is being answered, and leaves the port.
func TestCloseEndsWhatIsAnswered(t *testing.T) {
	s := listen(t)
	begun, ended := make(chan struct{}), make(chan struct{})
	s.Serve(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(begun)
		<-r.Context().Done()
		close(ended)
	}))
	go http.Get("http://" + s.Address().String()) // answered or not
	<-begun
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	<-ended
	select {
	case <-s.Done():
	case <-time.After(time.Minute):
		t.Fatal("it goes on")
	}
	if s.Err() != nil {
		t.Error(s.Err())
	}
	again, err := Listen(s.Address().String(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil { // it never served
		t.Error(err)
	}
}

// A listener that is lost ends the server, which says so.
func TestALostListenerIsTold(t *testing.T) {
	s := listen(t)
	s.Serve(http.NotFoundHandler())
	s.listener.Close()
	<-s.Done()
	if s.Err() == nil {
		t.Error("it ended without a word")
	}
	_ = s.Close()
}
