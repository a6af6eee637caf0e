package broker_test

import (
	"os"
	"runtime"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/troupe-mq/troupe/actors/broker"
	"github.com/troupe-mq/troupe/actors/node"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage/memory"
)

// nothingLeft returns what fails the test over goroutines and descriptors that are there when it is
// called and were not before.
func nothingLeft(t *testing.T) func() {
	t.Helper()
	running, open := goleak.IgnoreCurrent(), descriptors(t)
	return func() {
		t.Helper()
		err := goleak.Find(running) // tries for a while by itself
		for deadline := time.Now().Add(20 * time.Second); err != nil && time.Now().Before(deadline); err = goleak.Find(running) {
			runtime.Gosched()
		}
		if err != nil {
			t.Errorf("left running: %v", err)
		}
		left := descriptors(t)
		for deadline := time.Now().Add(20 * time.Second); len(left) > len(open) && time.Now().Before(deadline); left = descriptors(t) {
			runtime.Gosched()
		}
		if len(left) > len(open) {
			for fd, of := range left {
				if open[fd] != of {
					t.Errorf("left open: %s", of)
				}
			}
		}
	}
}

// descriptors are the process's open files and sockets, where the system tells.
func descriptors(t *testing.T) map[string]string {
	t.Helper()
	dir, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return nil
	}
	all := map[string]string{}
	for _, e := range dir {
		if of, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil { // not the one it is read by
			all[e.Name()] = of
		}
	}
	return all
}

func inMemory(metadata.NodeID) *node.World { return broker.InMemory(memory.New()) }

func onDisk(metadata.NodeID) *node.World {
	w := node.Process()
	return &w
}

// Three brokers of one process form a cluster, again and again, and nothing of them is left.
func TestNothingIsLeftOfThreeWithin(t *testing.T) {
	left := nothingLeft(t)
	for round := range 6 {
		world := inMemory
		if round%2 == 1 {
			world = onDisk
		}
		all := within(t, 3, world)
		use(t, all...)
		stop(t, all...)
	}
	left()
}
