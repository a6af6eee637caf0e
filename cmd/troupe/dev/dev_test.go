package dev

import (
	"strings"
	"testing"
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
