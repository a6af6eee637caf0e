package hosting

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/node/local"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// hurried does not wait.
type hurried struct{ actors.Goroutines }

func (hurried) Wait(_ time.Duration, news ...<-chan struct{}) int {
	return actors.Goroutines{}.Wait(0, news...)
}

// What lies on a disk of replicas that are elsewhere by now is deleted as soon as the metadata has
// answered, be it late; a node that it refuses ends.
func TestTheDiskIsSweptWhenTheMetadataAnswers(t *testing.T) {
	refusal := protocol.Errorf(kerr.DuplicateBrokerRegistration, "gone")
	for _, c := range []struct {
		name   string
		last   metadata.Result
		at     uint64
		failed error
	}{
		{"it is a member", metadata.Result{Index: 70}, 70, nil},
		{"it is none", metadata.Result{Index: 70, Err: refusal}, 0, refusal},
	} {
		var failed error
		hs := &Hosting{here: local.New(local.Options{Runtime: hurried{}, Fatal: func(err error) { failed = err }})}
		tries := 0
		hs.sweepBy(func(context.Context) (metadata.Result, error) {
			if tries++; tries < 5 {
				return metadata.Result{}, errors.New("no leader")
			}
			return c.last, nil
		})
		if hs.sweepAt.Load() != c.at || !errors.Is(failed, c.failed) || tries != 5 {
			t.Errorf("%s: after %d tries the disk is swept as of entry %d, and the node ends over %v", c.name, tries, hs.sweepAt.Load(), failed)
		}
	}
}
