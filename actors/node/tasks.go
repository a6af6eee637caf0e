package node

import (
	"errors"
	"sync"

	"github.com/troupe-mq/troupe/actors"
)

// tasks are the goroutines of a node, all of which end before it has stopped: what one of them uses
// is closed after that.
type tasks struct {
	mu    sync.Mutex
	ended bool // none is begun any more
	all   sync.WaitGroup
}

var errStopping = errors.New("this node is stopping")

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
