package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// profile has all nodes write down where their CPU time goes while a run goes on. What it returns
// gets one error, or nil, when all have.
func (b *bench) profile(ctx context.Context, title string) <-chan error {
	all := make(chan error, 1)
	name := strings.NewReplacer(" ", "-", ",", "", "/", "-per-").Replace(title)
	each := make(chan error, len(b.cluster.Nodes))
	path := fmt.Sprintf("/debug/pprof/profile?seconds=%d", max(int(b.For.Seconds())-1, 1))
	for _, n := range b.cluster.Nodes {
		go func() {
			body, err := ask(ctx, n, path)
			if err == nil {
				err = errors.Join(os.MkdirAll(b.Profile, 0o755), os.WriteFile(filepath.Join(b.Profile, fmt.Sprintf("%s-node%d.pprof", name, n.ID)), body, 0o644))
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
