package local

import (
	"runtime"
	"sync/atomic"
	"testing"
)

// TestANodeStaysInItsSetMeanwhile: who takes a node out of a set waits for what is being done
// because it was in it, and nothing more is done afterwards.
func TestANodeStaysInItsSetMeanwhile(t *testing.T) {
	var s NodeSet
	if s.While(1, func() { t.Error("called for a node that is not in the set") }) {
		t.Error("a node that was never put into the set is in it")
	}
	s.Set(1, true)
	var done atomic.Bool
	out := make(chan bool)
	in := s.While(1, func() {
		go func() {
			s.Set(1, false)
			out <- done.Load()
		}()
		for range 1000 { // it has every chance to come first
			runtime.Gosched()
		}
		done.Store(true)
	})
	if !in || !<-out {
		t.Errorf("in the set: %v; it was taken out in the middle of what is done while it is in it", in)
	}
	if s.While(1, func() { t.Error("called for a node that was taken out") }) {
		t.Error("the node is still in the set")
	}
}
