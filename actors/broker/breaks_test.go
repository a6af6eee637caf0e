package broker

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/troupe-mq/troupe/actors/node"
)

// A broker that is being ended over its HTTP and breaks meanwhile tells so: once, and it stays
// known what came first.
func TestABrokerThatIsEndedTellsThatItBreaks(t *testing.T) {
	told, first := 0, errors.New("HTTP ended")
	b := &Broker{config: Config{Node: node.Config{Logger: slog.New(slog.DiscardHandler)}, Broken: func(error) { told++ }}, started: make(chan struct{})}
	close(b.started)
	b.ending.Store(true)
	b.cause.Store(&first)
	for range 2 {
		b.breaks(errors.New("the disk burns"))
	}
	if told != 1 || *b.cause.Load() != first {
		t.Errorf("told %d times, ended over %v", told, *b.cause.Load())
	}
}
