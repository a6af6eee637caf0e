package broker

import (
	"github.com/troupe-mq/troupe/actors/node"
	"github.com/troupe-mq/troupe/actors/remote"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
	"github.com/troupe-mq/troupe/storage/memory"
)

// Network joins brokers inside one process, without sockets: each finds the others by their ids.
type Network = remote.Network

// NewNetwork makes a network without brokers.
func NewNetwork() *Network { return remote.NewNetwork() }

// InMemory is a World of goroutines and sockets, whose data is in a store in memory. The store
// outlives the broker: the next one that is started with it finds what this one left.
func InMemory(s *memory.Store) *node.World {
	w := node.Process()
	w.Store = func(node.Config) (storage.Store, error) {
		s.Reopen()
		return s, nil
	}
	return &w
}

// Within has the node of that id reach others by a network inside the process; clients still come
// by sockets.
func Within(w *node.World, n *Network, id metadata.NodeID) *node.World {
	inside := *w
	inside.Links = func(remote.Options) (remote.Links, error) { return n.Links(id), nil }
	return &inside
}
