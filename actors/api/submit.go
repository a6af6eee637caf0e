package api

import (
	"context"

	"github.com/troupe-mq/troupe/raft/metadata"
)

// submit has a command carried out whose result is only whether it was.
func submit(ctx context.Context, c Cluster, command metadata.Command) error {
	result, err := c.Submit(ctx, command)
	if err != nil {
		return err
	}
	if result.Err != nil {
		return result.Err
	}
	return nil
}
