package e2e

import (
	"testing"
	"time"
)

// All nodes die at once and one of them returns with a copy of its disk that was made while it ran.
// What the others remember of it outlived their end.
func TestAnOlderDiskIsRecognisedThoughAllNodesDied(t *testing.T) {
	r := startRejoin(t)
	r.begin()
	r.follow()
	restore := r.victim.Snapshot()
	// for longer than they take to keep what they hear: the load is 1,500 a second at most
	r.load.Wait(6000, 60*time.Second)
	for _, n := range r.c.Nodes {
		n.Kill()
	}
	restore()
	for _, n := range r.c.Nodes[:2] {
		n.Start()
	}
	for _, n := range r.c.Nodes[:2] {
		n.WaitReady()
	}
	r.victim.Restart()
	r.says("holds what it held some time ago")
	r.healed()
	r.end()
}
