package main

import (
	"context"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// coldConsume reads what the last flood wrote after all nodes were killed and started again, and
// the kernel was made to forget their files.
func coldConsume(ctx context.Context, b *bench) (*Sample, error) {
	for _, n := range b.cluster.Nodes {
		n.Kill()
	}
	if err := forgetPages(); err != nil {
		return nil, err
	}
	for _, n := range b.cluster.Nodes {
		n.Start()
	}
	b.cluster.WaitReady()
	b.cluster.WaitInSync(b.flooded.topic)
	return consume(ctx, b)
}

// forgetPages empties the kernel's page cache.
func forgetPages() error {
	unix.Sync()
	if err := os.WriteFile("/proc/sys/vm/drop_caches", []byte("3"), 0); err != nil {
		return fmt.Errorf("empty the page cache (as root): %w", err)
	}
	return nil
}
