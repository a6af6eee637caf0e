package api

import (
	"sync"

	"github.com/troupe-mq/troupe/actors/coordinator"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/group"
)

// Command is something to do with the groups of a partition.
type Command = coordinator.Command[*group.Coordinator]

// Groups are the group coordinators of this node; coordinator.Host is them.
type Groups interface {
	// Do runs a command at a group's coordinator, or tells refuse why this node cannot: exactly one of
	// the two, once.
	Do(id string, run Command, refuse func(*protocol.Error))
	// Sure is Do for a command that tells what was committed: it runs once a majority has said that
	// this node coordinates.
	Sure(id string, run Command, refuse func(*protocol.Error))
	// Each runs a command at every coordinator on this node, or refuse for it, and returns how many
	// there are.
	Each(run Command, refuse func(*protocol.Error)) int
}

// client is who a call comes from, as groups show it.
func (c *Call) client() group.Client {
	return group.Client{ID: c.ClientID, Host: "/" + hostOf(c.Client)}
}

// several waits for the answers of several coordinators.
type several struct {
	mu   sync.Mutex
	left int
	done func()
}

// one notes an answer, under the lock, and calls done after the last.
func (s *several) one(set func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	set()
	if s.left--; s.left == 0 {
		s.done()
	}
}
