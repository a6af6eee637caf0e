package api

import (
	"context"
	"encoding/binary"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/access"
	"github.com/troupe-mq/troupe/actors/supervisor"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// removeTimeoutMS bounds the removal of a voter, whose request brings no timeout of its own.
const removeTimeoutMS = 30_000

// addRaftVoter has a node vote in __meta (KIP-853), if there are fewer voters than there shall be.
func addRaftVoter(c *Call) {
	request := c.Body.(*kmsg.AddRaftVoterRequest)
	c.Go(func() {
		r := request.ResponseKind().(*kmsg.AddRaftVoterResponse)
		ctx, cancel := c.timeout(request.TimeoutMillis)
		defer cancel()
		err := c.changeVoters(ctx, request.ClusterID, request.VoterID, request.VoterDirectoryID, supervisor.AddVoter)
		r.ErrorCode, r.ErrorMessage = protocol.Code(err), protocol.Detail(err)
		c.Answer(r)
	})
}

// removeRaftVoter has a node not vote in __meta any more; another one takes its place.
func removeRaftVoter(c *Call) {
	request := c.Body.(*kmsg.RemoveRaftVoterRequest)
	c.Go(func() {
		r := request.ResponseKind().(*kmsg.RemoveRaftVoterResponse)
		ctx, cancel := c.timeout(removeTimeoutMS)
		defer cancel()
		err := c.changeVoters(ctx, request.ClusterID, request.VoterID, request.VoterDirectoryID, supervisor.RemoveVoter)
		r.ErrorCode, r.ErrorMessage = protocol.Code(err), protocol.Detail(err)
		c.Answer(r)
	})
}

// choose tells what change of the replicas of __meta has a node vote, or not vote any more.
type choose func(image *metadata.Image, usable func(metadata.NodeID) bool, id metadata.NodeID) (metadata.AlterReplicas, error)

// changeVoters changes who votes in __meta, for who may.
func (c *Call) changeVoters(ctx context.Context, clusterID *string, id metadata.NodeID, directory [16]byte, change choose) error {
	if err := c.ClusterWide(access.Alter); err != nil {
		return err
	}
	return changeVoters(ctx, c.Cluster, clusterID, id, directory, change)
}

// changeVoters changes who votes in __meta.
func changeVoters(ctx context.Context, c Cluster, clusterID *string, id metadata.NodeID, directory [16]byte, change choose) error {
	image := c.Image()
	node := image.Nodes[id]
	switch {
	case clusterID != nil && *clusterID != image.ClusterID:
		return protocol.Errorf(kerr.InconsistentClusterID, "this cluster is %s, not %s", image.ClusterID, *clusterID)
	case node != nil && directory != [16]byte{} && directory != DirectoryID(node):
		return protocol.Errorf(kerr.VoterNotFound, "node %d has another data directory than the one that is named", id)
	}
	alter, err := change(image, c.Alive, id)
	if err != nil {
		return err
	}
	return submit(ctx, c, metadata.Command{AlterReplicas: &alter})
}

// DirectoryID stands for the disk of a node where Kafka has the id of a log directory.
func DirectoryID(n *metadata.Node) (id [16]byte) {
	// not among the small numbers that Kafka keeps for itself
	binary.BigEndian.PutUint64(id[:], n.Incarnation|1<<63)
	binary.BigEndian.PutUint64(id[8:], n.Incarnation)
	return id
}
