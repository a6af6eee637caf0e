package api

import (
	"hash/fnv"
	"slices"

	"github.com/troupe-mq/troupe/raft/metadata"
)

// nearest chooses the node in a rack that a client should read a partition from (KIP-392): none if
// the leader itself is there, else one that is up and near enough, first of all one that is there
// for reading. Several share the clients among them.
func nearest(image *metadata.Image, l led, rack, client string, self metadata.NodeID, alive func(metadata.NodeID) bool) (metadata.NodeID, bool) {
	if n := image.Nodes[self]; n == nil || n.Rack == rack {
		return 0, false
	}
	in := func(role metadata.Role) (nodes []metadata.NodeID) {
		for _, r := range l.partition.Replicas {
			if n := image.Nodes[r.Node]; n != nil && n.Rack == rack && r.Role == role && r.Node != self && alive(r.Node) && slices.Contains(l.view.Readers, r.ID) {
				nodes = append(nodes, r.Node)
			}
		}
		return nodes
	}
	near := in(metadata.Reader)
	if len(near) == 0 {
		near = in(metadata.Voter)
	}
	if len(near) == 0 {
		return 0, false
	}
	h := fnv.New32a()
	h.Write([]byte(client))
	return near[h.Sum32()%uint32(len(near))], true
}
