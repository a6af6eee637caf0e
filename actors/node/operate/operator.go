package operate

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/api"
	"github.com/troupe-mq/troupe/actors/node/hosting"
	"github.com/troupe-mq/troupe/actors/node/local"
	"github.com/troupe-mq/troupe/actors/node/question"
	"github.com/troupe-mq/troupe/actors/recovery"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/actors/supervisor"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// Leaderships are who leads what.
type Leaderships interface {
	Of(storage.ShardID) api.Leadership
	News() *local.Signal
	// NoLeader reports whether a node should lead nothing.
	NoLeader(metadata.NodeID) bool
	// UpFor returns how long a peer has been up.
	UpFor(id metadata.NodeID, now time.Time) time.Duration
}

// Hosting runs the replicas of this node.
type Hosting interface {
	Survivors() ([]recovery.Survivor, error)
	// ForceAt has a replica go on without lost ones, wherever it is.
	ForceAt(context.Context, recovery.Step) error
	Lost() []hosting.Loss
}

// Replicas are those that run on this node.
type Replicas interface{ All() []*replica.Ref }

// Space is how full the nodes' disks are.
type Space interface{ Low(metadata.NodeID) bool }

// Options are what an Operator works with.
type Options struct {
	Host     actors.Host
	Leaders  Leaderships
	Replicas Replicas
	Space    Space
	Hosting  Hosting // may be set later, before anything runs
	// Standing asks the leader of a shard how its members stand.
	Standing func(context.Context, storage.ShardID) (api.Standing, error)
	Setting  func(name string) string // of Kafka's for brokers
	// ProposalBytes is how much may be taken by commands that have no outcome yet.
	ProposalBytes int64
}

// Operator changes the cluster: it has commands committed by the metadata, for clients, for this
// node and for the operator, and supervises where the metadata leads. Safe for any goroutine.
type Operator struct {
	Options
	here      *local.Node
	proposals proposals
	plan      atomic.Pointer[supervisor.Status] // nil where the metadata does not lead
}

// New makes the room of a node.
func New(here *local.Node, o Options) *Operator {
	return &Operator{Options: o, here: here, proposals: proposals{most: o.ProposalBytes}}
}

// Answer has the room answer what other nodes ask of it.
func (o *Operator) Answer(t *question.Table) {
	submitQuestion.AnsweredLater(t, o.submitted)
	movesQuestion.Answered(t, o.moves)
	planQuestion.Answered(t, o.planned)
}
