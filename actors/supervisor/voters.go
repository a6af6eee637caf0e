package supervisor

import (
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// How many nodes vote in __meta is the cluster's to say, and that none does that is being emptied.
// Which of the others do may be the operator's: what is accepted here PlanMeta leaves as it is, and
// what it would undo is refused.

// AddVoter returns the change of __meta's replicas that has one more node vote.
func AddVoter(image *metadata.Image, usable func(metadata.NodeID) bool, id metadata.NodeID) (metadata.AlterReplicas, error) {
	r, err := metaReplica(image, id)
	if err != nil {
		return metadata.AlterReplicas{}, err
	}
	enough, voters := metadata.MetaVoters(homes(image)), []metadata.NodeID{id}
	for _, v := range image.Meta.Replicas {
		if v.Role == metadata.Voter && image.Nodes[v.Node] != nil && image.Nodes[v.Node].Home() {
			voters = append(voters, v.Node)
		}
	}
	switch node := image.Nodes[id]; {
	case r.Role == metadata.Voter:
		return metadata.AlterReplicas{}, protocol.Errorf(kerr.DuplicateVoter, "node %d is a voter already", id)
	case !node.Home():
		return metadata.AlterReplicas{}, protocol.Errorf(kerr.InvalidRequest, "node %d is %s: it is to vote for nothing", id, node.State)
	case !usable(id) || image.Lost(r):
		return metadata.AlterReplicas{}, protocol.Errorf(kerr.InvalidRequest, "node %d is down: it can vote once it is up and has the metadata", id)
	case len(voters) > enough:
		return metadata.AlterReplicas{}, protocol.Errorf(kerr.InvalidRequest, "of %d nodes %d vote in the metadata, which is enough: to have node %d vote, remove another voter "+
			"and it is among those that may take its place", homes(image), enough, id)
	}
	return withVoters(image, voters), nil
}

// RemoveVoter returns the change of __meta's replicas that has a node vote no more, and another one
// in its place if there would be too few.
func RemoveVoter(image *metadata.Image, usable func(metadata.NodeID) bool, id metadata.NodeID) (metadata.AlterReplicas, error) {
	r, err := metaReplica(image, id)
	if err != nil {
		return metadata.AlterReplicas{}, err
	}
	if r.Role != metadata.Voter {
		return metadata.AlterReplicas{}, protocol.Errorf(kerr.VoterNotFound, "node %d is not a voter", id)
	}
	without := *image
	meta := *image.Meta
	without.Meta, meta.Replicas = &meta, slices.Clone(meta.Replicas)
	for i := range meta.Replicas {
		if meta.Replicas[i].Node == id {
			meta.Replicas[i].Role = metadata.Reader
		}
	}
	enough := metadata.MetaVoters(homes(image))
	comes := func(n metadata.NodeID) bool { return n != id && usable(n) }
	voters := chooseVoters(&without, enough, comes, func(metadata.Replica) bool { return false })
	staying := func(n metadata.NodeID) bool { return image.Nodes[n].Home() }
	if count(voters, staying) < enough { // those that are being emptied vote only until another can
		return metadata.AlterReplicas{}, protocol.Errorf(kerr.InvalidRequest, "node %d must vote: of %d nodes %d vote in the metadata, and there is no other one that is up and could "+
			"in its place; add one first", id, homes(image), enough)
	}
	return withVoters(image, voters), nil
}

// metaReplica returns a node's replica of __meta.
func metaReplica(image *metadata.Image, id metadata.NodeID) (metadata.Replica, error) {
	if image.Meta == nil || image.Nodes[id] == nil {
		return metadata.Replica{}, protocol.Errorf(kerr.VoterNotFound, "there is no node %d in the cluster", id)
	}
	for _, r := range image.Meta.Replicas {
		if r.Node == id {
			return r, nil
		}
	}
	return metadata.Replica{}, protocol.Errorf(kerr.VoterNotFound, "node %d has no replica of the metadata yet", id)
}

// homes counts the nodes that may vote.
func homes(image *metadata.Image) int {
	return count(slices.Collect(maps.Keys(image.Nodes)), func(n metadata.NodeID) bool { return image.Nodes[n].Home() })
}

func count(nodes []metadata.NodeID, which func(metadata.NodeID) bool) (n int) {
	for _, id := range nodes {
		if which(id) {
			n++
		}
	}
	return n
}

// withVoters has these nodes vote in __meta, and the others follow: a voter must be first.
func withVoters(image *metadata.Image, voters []metadata.NodeID) metadata.AlterReplicas {
	c := metadata.AlterReplicas{Shard: metadata.MetaShard}
	for _, role := range []metadata.Role{metadata.Voter, metadata.Reader} {
		for _, r := range image.Meta.Replicas {
			if slices.Contains(voters, r.Node) == (role == metadata.Voter) {
				c.Targets = append(c.Targets, metadata.Target{Node: r.Node, Role: role})
			}
		}
	}
	for _, r := range image.Meta.Replicas {
		c.Seen = append(c.Seen, r.ID)
	}
	return c
}
