//go:build !race

package api

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/protocol/batch"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// Admit is what a batch of a producer meets between its header's check and its replica.
func Admit(c Cluster, t *metadata.Topic, b batch.Batch) *protocol.Error {
	d := newDoor(c, t)
	_, err := d.admit(b)
	if t.Settings().MinInSync > 1 {
		return protocol.Errorf(kerr.NotEnoughReplicas, "")
	}
	return err
}
