package dev

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// What cannot be run is told before anything is started, with what to do.
func TestPortsBeyondTheLastAreRefused(t *testing.T) {
	for base, want := range map[int]string{0: "node 1 would need the ports 0 to 3", 65523: "node 2 would need the ports 65533 to 65536", 70000: "70000"} {
		err := Run(t.Context(), Options{Nodes: 3, BasePort: base}, nil)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "--base-port") || strings.Contains(err.Error(), "taken") {
			t.Errorf("--base-port %d: %v", base, err)
		}
	}
}

// A node that dies again soon after it was started waits longer each time, up to a bound; one that
// has run for a while begins with the shortest pause.
func TestPausesGrowWhileANodeKeepsDying(t *testing.T) {
	var r revival
	now := time.Unix(0, 0)
	var pauses []time.Duration
	for range 7 {
		pause := r.next(now)
		pauses = append(pauses, pause)
		r = revival{at: now.Add(pause), pause: pause}
		now = r.at.Add(time.Second)
	}
	want := []time.Duration{2, 4, 8, 16, 30, 30, 30}
	for i := range want {
		if pauses[i] != want[i]*time.Second {
			t.Fatalf("the pauses are %v", pauses)
		}
	}
	if pause := r.next(r.at.Add(settled)); pause != startAgain {
		t.Errorf("after it was well for a while: %v", pause)
	}
}

// Nodes on one machine share its memory.
func TestMemoryIsHandedToTheNodes(t *testing.T) {
	o := Options{Nodes: 3, BasePort: 9092, Memory: 1 << 30}
	for _, n := range o.nodes() {
		if !slices.Contains(n.ServerArgs(), "--memory=1073741824") {
			t.Errorf("node %d is started with %q", n.ID, n.ServerArgs())
		}
	}
}
