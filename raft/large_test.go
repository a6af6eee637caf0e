package raft

import (
	"testing"

	"github.com/troupe-mq/troupe/storage"
)

// What no store takes never enters the log: there it would end every replica that it comes to.
func TestAnEntryHasABound(t *testing.T) {
	w := newWorld(t, 1, false)
	leader := w.elect()
	w.drain()
	last := leader.replica.Status().Last
	if _, ok := leader.replica.Propose([]byte("12345678"), make([]byte, storage.MaxEntryBytes+1)); ok {
		t.Error("an entry of any size is taken")
	}
	if first, ok := leader.replica.Propose([]byte("12345678")); !ok || first != last+1 {
		t.Errorf("the next one has index %d, %v, after %d", first, ok, last)
	}
}
