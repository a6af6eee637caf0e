package cluster

import (
	"os"
	"path/filepath"
	"testing"
)

// What a process made is counted, and what it only mapped is not.
func TestAnonymous(t *testing.T) {
	if _, err := os.Stat(filepath.Join("/proc", "self", "status")); err != nil {
		t.Skipf("this system does not tell what a process uses: %v", err)
	}
	n, err := Anonymous(os.Getpid())
	if err != nil || n < 1<<20 {
		t.Errorf("this process: %d bytes, %v", n, err)
	}
	if _, err := Anonymous(-1); err == nil {
		t.Error("a process that is not there has memory")
	}
}
