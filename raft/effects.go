package raft

import (
	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/storage"
)

// Effects is what the owner of a replica has to do after a turn. Order between the three does not
// matter; order within each does.
type Effects struct {
	// Messages go to other replicas of the shard; any of them may be lost.
	Messages []*raftpb.Message
	// Writes go to the journal, in this order and after those of earlier turns; for each one, once it
	// is durable, Written is called.
	Writes []storage.Append
	// Applied are the entries committed in this turn.
	Applied []Applied
	// Pulls go to other replicas of the shard, which answer with Chunks; any of them may be lost.
	Pulls []*Pull
	// Confirmed is the latest Confirm that a majority answered: this replica led when it was called. 0
	// if none was.
	Confirmed uint64
	// Restored is the index of a snapshot that replaced machine and log, before what is in Applied; 0
	// if none did.
	Restored uint64
}

// Applied is a committed entry and what the machine made of it.
type Applied struct {
	Index, Term uint64
	Data        []byte // nil for entries of Raft's own
	Result      any
}

// write is an append that the journal has not reported yet, and what its being durable sets free.
type write struct {
	entries    []*raftpb.Entry
	fills      bool                // brings entries of the next generation
	next       []*raftpb.Entry     // them
	snapshot   *storage.Checkpoint // received from the leader: the log is another one
	checkpoint *storage.Checkpoint // our own
	start      storage.Position    // where the log starts then
	responses  []*raftpb.Message
}

// Role is what a replica is at the moment.
type Role uint8

// The roles. A pre-candidate counts as Candidate; whoever is not a voter, member or not, as
// Learner.
const (
	Follower Role = iota
	Candidate
	Leader
	Learner
)

// Status is where a replica stands.
type Status struct {
	Role        Role
	Term        uint64
	Leader      storage.ReplicaID // 0 if unknown
	Last        uint64            // last entry in the log, durable or not
	Commit      uint64
	Applied     uint64
	Established bool // leads, and has applied an entry of its own term
	Transferee  storage.ReplicaID
	Elections   uint64 // elections this replica started since it was opened
}
