package replica

import (
	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/actors/spans"
	"github.com/troupe-mq/troupe/actors/stages"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// Step brings a raft message of another replica.
type Step struct {
	From    metadata.NodeID // who sent it
	Message *raftpb.Message
	Marks   []spans.Mark  // of entries in it that are traced
	Arrived stages.Moment // when it came, if it has marks
}

// Tick is that many steps of time; one value is shared by all.
type Tick struct{ Ticks int }

// Unreachable tells that messages to a replica were lost.
type Unreachable struct{ To storage.ReplicaID }

// Down tells that a node is gone: a replica led from there looks for another leader at once.
type Down struct{ Node metadata.NodeID }

// Transfer asks a leader to hand over to a replica, or with To 0 to the one that is furthest.
type Transfer struct{ To storage.ReplicaID }

// Lend tells that another replica pulls the log of this one and needs it from an index on.
type Lend struct {
	To   storage.ReplicaID
	Next uint64
}

// Lost tells that a replica cannot be given the log that it pulls: it needs another snapshot.
type Lost struct{ To storage.ReplicaID }

// Pulled brings a piece of the log that this replica pulls.
type Pulled struct{ Chunk *raft.Chunk }

// Damaged tells that something that this replica has stored is not what was written.
type Damaged struct{ Cause error }

// Checkpoint asks for a checkpoint now (before the node stops).
type Checkpoint struct {
	// Done is called exactly once, when it is durable or the replica is gone. It must not block.
	Done func()
}

// Command asks the leader of __meta to append a command.
type Command struct {
	Command metadata.Command
	// Done is called exactly once when the command is applied here or known not to be by this leader.
	// NOT_LEADER_OR_FOLLOWER with Proposed false means that the command was never in the log. It must
	// not block.
	Done func(CommandResult)
}

// CommandResult is how a Command ended.
type CommandResult struct {
	metadata.Result
	Failed   *protocol.Error // why it was not applied by this leader; then Result is empty
	Proposed bool            // it was in the log, so it may yet be applied
}

// written tells that the oldest write is durable; one value is shared by all.
type written struct{}

var wasWritten = &written{}
