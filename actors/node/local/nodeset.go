package local

import (
	"sync"

	"github.com/troupe-mq/troupe/raft/metadata"
)

// NodeSet is a set of nodes that is safe for any goroutine. The zero value is empty.
type NodeSet struct {
	mu sync.RWMutex
	in map[metadata.NodeID]bool
}

// Set puts a node in, or takes it out.
func (s *NodeSet) Set(n metadata.NodeID, in bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.in == nil {
		s.in = make(map[metadata.NodeID]bool)
	}
	s.in[n] = in
}

// Has reports whether a node is in the set.
func (s *NodeSet) Has(n metadata.NodeID) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.in[n]
}

// While calls f if a node is in the set, and keeps it there until f returns; false if it is not. f
// must not block, nor touch the set.
func (s *NodeSet) While(n metadata.NodeID, f func()) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.in[n] {
		f()
	}
	return s.in[n]
}

// Begin adds a node; false if it was in the set already.
func (s *NodeSet) Begin(n metadata.NodeID) bool {
	if s.Has(n) {
		return false
	}
	s.Set(n, true)
	return true
}
