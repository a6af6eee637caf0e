package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// profile has all nodes write down where their CPU time goes while a run goes on. What it returns gets one error, or nil, when all have.
func (b *bench) profile(ctx context.Context) <-chan error {
	all := make(chan error, 1)
	each := make(chan error, len(b.cluster.Nodes))
	path := fmt.Sprintf("/debug/pprof/profile?seconds=%d", max(int(b.For.Seconds())-1, 1))
	for _, n := range b.cluster.Nodes {
		go func() {
			body, err := ask(ctx, n, path)
			if err == nil {
				err = errors.Join(os.MkdirAll(b.Profile, 0o755), os.WriteFile(filepath.Join(b.Profile, fmt.Sprintf("node%d.pprof", n.ID)), body, 0o644))
			}
			each <- err
		}()
	}
	go func() {
		var errs []error
		for range b.cluster.Nodes {
			errs = append(errs, <-each)
		}
		all <- errors.Join(errs...)
	}()
	return all
}
