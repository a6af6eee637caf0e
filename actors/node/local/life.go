package local

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/troupe-mq/troupe/actors"
)

// CommandTimeout bounds the node's own commands to the metadata; what fails is tried again.
const CommandTimeout = 5 * time.Second

// ErrStopping answers what is asked of a node that is stopping.
var ErrStopping = errors.New("this node is stopping")

// Do runs f on a goroutine of the node, which End waits for; false if the node has stopped.
func (n *Node) Do(f func()) bool { return n.running.run(n.Runtime, f) }

// Every calls f every d until the node stops, at the same moments as what else is done so often.
func (n *Node) Every(d time.Duration, f func(now time.Time)) {
	actors.Every(n.Runtime, n.Began, d, n.Stopping, f)
}

// Pause waits for d, or until the node stops.
func (n *Node) Pause(d time.Duration) { n.Wait(d, n.Stopping) }

// Until waits until ok says so, looking again after every signal, or until ctx ends.
func (n *Node) Until(ctx context.Context, s *Signal, ok func() bool) error {
	for {
		next := s.Changed()
		if ok() {
			return nil
		}
		if n.Wait(actors.Forever, next, ctx.Done()) == 1 {
			return ctx.Err()
		}
	}
}

// Fail breaks the node over an error that no waiting mends, unless it is stopping anyway.
func (n *Node) Fail(err error) {
	if !n.Stopped() {
		n.Break(err)
	}
}

// Break tells that a promise could not be kept. That may end the process; where it does not, the
// node stops, and what must not go on is told by Broken.
func (n *Node) Break(err error) {
	n.fatal(err)
	n.breaks()
}

// Stopped reports whether the node has begun to stop.
func (n *Node) Stopped() bool {
	select {
	case <-n.Stopping:
		return true
	default:
		return false
	}
}

// Stop tells all that runs on the node to end.
func (n *Node) Stop() { n.stop() }

// End waits until all that was begun with Do has ended. Nothing is begun any more.
func (n *Node) End() { n.running.end() }

// tasks are the goroutines of a node, all of which end before it has stopped: what one of them uses
// is closed after that.
type tasks struct {
	mu    sync.Mutex
	ended bool // none is begun any more
	all   sync.WaitGroup
}

// run runs f beside the caller; false if the tasks have ended.
func (t *tasks) run(r actors.Runtime, f func()) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		return false
	}
	t.all.Add(1)
	r.Go(func() {
		defer t.all.Done()
		f()
	})
	return true
}

// end waits until all have ended.
func (t *tasks) end() {
	t.mu.Lock()
	t.ended = true
	t.mu.Unlock()
	t.all.Wait()
}
