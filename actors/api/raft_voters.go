package api

import (
	"context"
	"encoding/binary"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// removeTimeoutMS bounds the removal of a voter, whose request brings no timeout of its own.
const removeTimeoutMS = 30_000

// addRaftVoter has a node vote in __meta (KIP-853).
func addRaftVoter(c *Call) {
	request := c.Body.(*kmsg.AddRaftVoterRequest)
	c.Go(func() {
		r := request.ResponseKind().(*kmsg.AddRaftVoterResponse)
		ctx, cancel := c.timeout(request.TimeoutMillis)
		defer cancel()
		err := changeVoters(ctx, c.Cluster, request.ClusterID, request.VoterID, request.VoterDirectoryID, addVoter)
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
		err := changeVoters(ctx, c.Cluster, request.ClusterID, request.VoterID, request.VoterDirectoryID, removeVoter)
		r.ErrorCode, r.ErrorMessage = protocol.Code(err), protocol.Detail(err)
		c.Answer(r)
	})
}

// changeVoters changes the roles of the replicas of __meta as change says.
func changeVoters(ctx context.Context, c Cluster, clusterID *string, id metadata.NodeID, directory [16]byte,
	change func(Cluster, []metadata.Target, int) *protocol.Error) error {
	image := c.Image()
	node := image.Nodes[id]
	switch {
	case clusterID != nil && *clusterID != image.ClusterID:
		return protocol.Errorf(kerr.InconsistentClusterID, "this cluster is %s, not %s", image.ClusterID, *clusterID)
	case image.Meta == nil || node == nil:
		return protocol.Errorf(kerr.VoterNotFound, "there is no node %d in the cluster", id)
	case directory != [16]byte{} && directory != DirectoryID(node):
		return protocol.Errorf(kerr.VoterNotFound, "node %d has another data directory than the one that is named", id)
	}
	var targets []metadata.Target
	for _, r := range image.Meta.Replicas {
		targets = append(targets, metadata.Target{Node: r.Node, Role: r.Role})
	}
	at := slices.IndexFunc(targets, func(t metadata.Target) bool { return t.Node == id })
	if at < 0 {
		return protocol.Errorf(kerr.VoterNotFound, "node %d has no replica of the metadata yet", id)
	}
	if err := change(c, targets, at); err != nil {
		return err
	}
	slices.SortStableFunc(targets, func(a, b metadata.Target) int { return int(a.Role) - int(b.Role) }) // a voter must be first
	return submit(ctx, c, metadata.Command{AlterReplicas: &metadata.AlterReplicas{Shard: metadata.MetaShard, Seen: replicaIDs(image.Meta), Targets: targets}})
}

func voters(targets []metadata.Target) (n int) {
	for _, t := range targets {
		if t.Role == metadata.Voter {
			n++
		}
	}
	return n
}

func addVoter(c Cluster, targets []metadata.Target, at int) *protocol.Error {
	most := metadata.MetaVoters(len(c.Image().Nodes))
	switch {
	case targets[at].Role == metadata.Voter:
		return protocol.Errorf(kerr.DuplicateVoter, "node %d is a voter already", targets[at].Node)
	case voters(targets) >= most:
		return protocol.Errorf(kerr.InvalidRequest, "of %d nodes %d vote in the metadata, which is enough: to have node %d vote, remove another voter and it is among those "+
			"that may take its place", len(targets), most, targets[at].Node)
	}
	targets[at].Role = metadata.Voter
	return nil
}

// removeVoter has the first other node that is up and may hold something new vote instead.
func removeVoter(c Cluster, targets []metadata.Target, at int) *protocol.Error {
	if targets[at].Role != metadata.Voter {
		return protocol.Errorf(kerr.VoterNotFound, "node %d is not a voter", targets[at].Node)
	}
	image := c.Image()
	instead := slices.IndexFunc(targets, func(t metadata.Target) bool {
		return t.Role == metadata.Reader && c.Alive(t.Node) && image.Nodes[t.Node] != nil && image.Nodes[t.Node].Home()
	})
	targets[at].Role = metadata.Reader
	switch {
	case instead >= 0:
		targets[instead].Role = metadata.Voter
	case voters(targets) < metadata.MetaVoters(len(image.Nodes)):
		return protocol.Errorf(kerr.InvalidRequest, "node %d must vote: there is no other node that could vote in its place; add one first", targets[at].Node)
	}
	return nil
}

// DirectoryID stands for the disk of a node where Kafka has the id of a log directory.
func DirectoryID(n *metadata.Node) (id [16]byte) {
	binary.BigEndian.PutUint64(id[:], n.Incarnation|1<<63) // not among the small numbers that Kafka keeps for itself
	binary.BigEndian.PutUint64(id[8:], n.Incarnation)
	return id
}
