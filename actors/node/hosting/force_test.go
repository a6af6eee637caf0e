package hosting

import (
	"errors"
	"testing"
	"time"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/journal"
	"github.com/troupe-mq/troupe/actors/node/local"
)

// silent is a journal whose store has failed.
type silent struct{}

func (silent) Write(journal.Write)    {}
func (silent) Writes([]journal.Write) {}

// Who waits for the journal of a node that breaks does not wait for ever, or the node could not be
// stopped, and does not go on.
func TestTheJournalOfABrokenNodeIsNotWaitedFor(t *testing.T) {
	here := local.New(local.Options{Runtime: actors.Goroutines{}, Fatal: func(error) {}})
	hs := &Hosting{here: here, Options: Options{Journal: silent{}}}
	ended := make(chan struct{})
	here.Do(func() {
		hs.awaitJournal()
		t.Error("it went on as if all was durable")
	})
	here.Break(errors.New("the disk burns"))
	go func() { here.End(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Fatal("it waits for ever")
	}
}
