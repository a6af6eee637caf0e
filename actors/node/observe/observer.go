package observe

import (
	"sync"
	"time"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/api"
	"github.com/troupe-mq/troupe/actors/coordinator"
	"github.com/troupe-mq/troupe/actors/ledger"
	"github.com/troupe-mq/troupe/actors/node/hosting"
	"github.com/troupe-mq/troupe/actors/node/local"
	"github.com/troupe-mq/troupe/actors/node/question"
	"github.com/troupe-mq/troupe/actors/node/upkeep"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/actors/server"
	"github.com/troupe-mq/troupe/actors/space"
	"github.com/troupe-mq/troupe/actors/stages"
	"github.com/troupe-mq/troupe/raft/group"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// Leaderships are who leads what.
type Leaderships interface {
	Of(storage.ShardID) api.Leadership
	// InSync reports whether a replica is in sync by the last word of its leader.
	InSync(storage.ShardID, storage.ReplicaID) bool
	// Draining reports whether this node hands its leaderships over, to stop.
	Draining() bool
}

// Hosting runs the replicas of this node.
type Hosting interface {
	Lost() []hosting.Loss
	// Restored is how often a replica here caught up by a snapshot.
	Restored() int64
	// Electorates are the nodes of those that vote in a shard which this node leads.
	Electorates(*replica.Ref) [][]metadata.NodeID
}

// Replicas are those that run on this node.
type Replicas interface {
	Get(storage.ShardID) *replica.Ref
	All() []*replica.Ref
	Each(f func(*replica.Ref))
}

// Space is how full this node's disk is.
type Space interface {
	Own() space.Level
	Free() int64
}

// Upkeep keeps what is stored in order.
type Upkeep interface{ Scrubbed() upkeep.ScrubReading }

// Journal is what makes appends durable.
type Journal interface {
	// Queued is what waits for a transaction.
	Queued() (writes int, bytes int64)
	// Busy is for how long the transaction under way has been.
	Busy() time.Duration
}

// Server is where clients come in.
type Server interface{ Read() server.Reading }

// Options are what an Observer looks at.
type Options struct {
	Version  string // of the build
	Leaders  Leaderships
	Hosting  Hosting
	Replicas Replicas
	Space    Space
	Upkeep   Upkeep
	Journal  Journal
	Server   Server // may be set later, before anything runs
	Groups   *coordinator.Host[*group.Coordinator]
	Disk     storage.Store
	Ledger   *ledger.Ledger
	Meters   *replica.Meters
	Stages   *stages.Clock
	Ready    <-chan struct{} // closed once this node is a member that serves clients
	// Outside is why the cluster did not let the node in when it last asked, empty if it did.
	Outside      func() string
	TopicSetting func(t *metadata.Topic, name string) string
}

// Observer looks at a node, and by the reports of the others at its cluster. Safe for any
// goroutine.
type Observer struct {
	Options
	here      *local.Node
	waits     waits
	lagTimes  lagTimes
	caught    sync.Map // ids of replicas that have been in sync since the node started
	observing actors.Turn
}

// New makes the room of a node.
func New(here *local.Node, o Options) *Observer {
	return &Observer{Options: o, here: here, observing: actors.NewTurn()}
}

// Answer has the room answer what other nodes ask of it.
func (o *Observer) Answer(t *question.Table) {
	endsQuestion.AnsweredAside(t, o.ends) // it may read from the store
	standingQuestion.AnsweredAside(t, o.standingAsked)
	reportQuestion.AnsweredAside(t, o.reportAsked)
}
