//go:build !race

// protoactor starts two remotes in one process with a race over the log of gRPC.

package node

import (
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/troupe-mq/troupe/actors/node/local"
	"github.com/troupe-mq/troupe/actors/remote"
)

// ours are the goroutines in which code of this module is, but for the tests' own.
func ours() (found []string) {
	buffer := make([]byte, 8<<20)
	for _, g := range strings.Split(string(buffer[:runtime.Stack(buffer, true)]), "\n\n") {
		if strings.Contains(g, "troupe-mq/troupe/") && !strings.Contains(g, "testing.tRunner") {
			found = append(found, g)
		}
	}
	return found
}

// TestNothingRunsAfterStop starts a node, has it asked what it answers on goroutines of its own,
// stops it, and looks for goroutines that are left.
func TestNothingRunsAfterStop(t *testing.T) {
	before := len(ours())
	n, err := Start(Config{
		ID: 1, Dir: t.TempDir(), Listeners: []Listener{{Name: "PLAINTEXT", Listen: "127.0.0.1:0", AdvertisedHost: "127.0.0.1", AdvertisedPort: 27001}},
		Control: Endpoint{Listen: "127.0.0.1:0", Advertised: "127.0.0.1:27002"}, Bulk: Endpoint{Listen: "127.0.0.1:0", Advertised: "127.0.0.1:27003"},
		Peers:  map[int32]remote.Address{1: {Control: "127.0.0.1:27002", Bulk: "127.0.0.1:27003"}},
		Logger: slog.New(slog.DiscardHandler), Fatal: func(err error) { t.Errorf("fatal: %v", err) },
	})
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-n.Ready():
	case <-time.After(time.Minute):
		t.Error("it is not ready after a minute")
	}
	answers := make(chan error, 104)
	reply := func(_ []byte, err error) { answers <- err }
	ask := func(times int) {
		for range times {
			n.questions.Answer(1, "report", nil, reply)
			n.questions.Answer(1, "standing", []byte("1"), reply)
			n.questions.Answer(1, "left", nil, reply)
			n.questions.Answer(1, "ends", []byte("[]"), reply)
		}
	}
	ask(25)
	if err := n.Stop(); err != nil {
		t.Error(err)
	}
	for range 100 {
		select {
		case <-answers:
		case <-time.After(time.Minute):
			t.Fatal("a question was not answered")
		}
	}
	ask(1) // nothing that would run beside the stop, or after it, is begun
	for range 4 {
		select {
		case err := <-answers:
			if !errors.Is(err, local.ErrStopping) {
				t.Errorf("a node that has stopped went to work on a question: %v", err)
			}
		case <-time.After(time.Minute):
			t.Fatal("a question was not answered")
		}
	}
	left := ours()
	for deadline := time.Now().Add(20 * time.Second); len(left) > before && time.Now().Before(deadline); left = ours() {
		<-time.After(20 * time.Millisecond) // those of libraries end a moment later than Stop
	}
	if len(left) > before {
		t.Errorf("%d goroutines are left of the node:\n%s", len(left)-before, strings.Join(left, "\n\n"))
	}
}
