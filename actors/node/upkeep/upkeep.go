package upkeep

import (
	"sync/atomic"

	"github.com/troupe-mq/troupe/actors/node/local"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// Replicas are those that run on this node.
type Replicas interface {
	All() []*replica.Ref
	Each(f func(*replica.Ref))
}

// Options are what an Upkeep works with.
type Options struct {
	Replicas Replicas
	Space    *Space
	Disk     storage.Store // what is stored
	Store    storage.Store // the same, with what reads of damage does: its replica is quarantined
	Dir      string        // of the data
	Settings local.Settings
	ScrubBy  Scrub
	// Clocks greets nodes and returns what the clocks of those that answered show, in ms since the
	// epoch; 0 from a build that does not say.
	Clocks func([]metadata.NodeID) map[metadata.NodeID]int64
	// Needs returns why the cluster cannot do without what a node's disk holds, empty if it can.
	Needs func(metadata.NodeID) string
}

// Upkeep keeps what is stored in order: what is old or superseded is deleted, and what rots is
// found. Safe for any goroutine.
type Upkeep struct {
	Options
	here     *local.Node
	scrubbed scrubbed
	// this node's clock was apart from the other nodes' when it was last looked at
	clockWrong atomic.Bool
	// by how many ms it was then; nil if that was not found out
	ahead atomic.Pointer[int64]
}

// New makes the room of a node.
func New(here *local.Node, o Options) *Upkeep { return &Upkeep{Options: o, here: here} }
