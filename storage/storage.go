// Package storage keeps what a node must not forget: the entries, the raft state and the
// checkpoints of every replica it hosts.
//
// The contract is [Store]. storage/badger implements it on one Badger for the whole node;
// storage/memory implements it in memory and can crash, so that tests and the simulator see what a
// power cut leaves behind.
package storage

import (
	"errors"

	"go.etcd.io/raft/v3/raftpb"
)

// ShardID names a shard, one Raft group. Allocated once by __meta, never reused. 0 is no shard.
type ShardID uint64

// ReplicaID names one member of a shard. Unique in the whole cluster, allocated once by __meta,
// never reused: a replica that lost its disk comes back under another id. 0 is no replica.
type ReplicaID uint64

// Position is a place in a shard's log.
type Position struct {
	Index uint64
	Term  uint64
}

// Stretch is a part of a log: the entries behind Start up to Last. The zero value is none.
type Stretch struct{ Start, Last Position }

// State is the one small durable record of a replica. It is written in the same transaction as the
// entries it speaks of, so that it never claims an entry that is not there.
type State struct {
	Shard   ShardID
	Replica ReplicaID
	// Generation is the keyspace of the entries that is current.
	Generation uint32
	// Next is what is there of the log in generation Generation+1, which nothing reads yet: a log that
	// is pulled from another replica piece by piece. The append whose State names that generation
	// makes it current, in one transaction, and leaves Next empty.
	Next Stretch

	// Term, Vote and Commit are Raft's HardState.
	Term, Vote, Commit uint64

	// Start is the position just before the first entry kept: Raft's compacted position. Entries at or
	// below it are not readable, even if their keys are still on disk.
	Start Position
	// Last is the position of the last entry; Last == Start in an empty log. Entries above it are not
	// readable, even if a truncated tail still lies on disk.
	Last Position
}

// Checkpoint is a machine's state as of an applied entry: where a restarted replica resumes
// applying. Invariant: State.Start.Index <= Checkpoint.Index <= State.Last.Index.
type Checkpoint struct {
	Position                   // the last entry contained in Machine
	Conf     *raftpb.ConfState // the shard's members as of Position; never nil
	Machine  []byte            // what the machine's Snapshot returned
}

// Append is what one replica asks to be made durable in one go.
type Append struct {
	// State is the whole state record as it shall be after this append. It names the replica and, with
	// Last, truncates: whatever lies above State.Last is gone.
	State State
	// Entries are contiguous and end at State.Last; empty if only the state changes. What the log held
	// at or above Entries[0].Index is discarded. Not retained after Write returns; never mutated.
	Entries []*raftpb.Entry
	// NextEntries are contiguous and end at State.Next.Last. They begin behind State.Next.Start, and
	// then nothing else is left in the next generation, or they continue what is there. Not together
	// with a change of generation.
	NextEntries []*raftpb.Entry
	// Checkpoint replaces the replica's checkpoint; nil leaves it.
	Checkpoint *Checkpoint
	// Remove deletes the replica and all it owns; the other fields but State.Shard and State.Replica
	// are then ignored. The id leaves a tombstone: writing to it again is an error.
	Remove bool
	// Distrust makes the replica suspect for good, as if it had failed the check at open: what it
	// holds was found to be less than it promised. The other fields but State.Shard and State.Replica
	// are then ignored.
	Distrust bool
}

// Node is what a node knows about itself before it can talk to anyone.
type Node struct {
	ClusterID   string // empty until the cluster was formed or joined
	NodeID      int32
	Incarnation uint64 // drawn when the data directory was created; another one means another disk
	// Founders are the nodes that formed the cluster and their incarnations then; nil until this node
	// took part or joined.
	Founders map[int32]uint64
	// Gave is the incarnation that this disk gave up when it was found to hold what it held some time
	// ago; 0 if it never did.
	Gave uint64 `json:",omitempty"`
	// GaveFounders are Founders as of the incarnation that was given up, as long as what the disk
	// holds of it is still there: see Restored.
	GaveFounders map[int32]uint64 `json:",omitempty"`
	// Run is the node's present run, or the last one if it does not run; Peers are those of other
	// nodes as far as they were told. By them the others recognise a disk that holds what it held some
	// time ago.
	Run   Run
	Peers map[int32]Run `json:",omitempty"`
}

// Restored returns the record of a disk that is to be used as it is though it holds what it held
// some time ago: what was known of other disks is forgotten, and an incarnation that was given up
// is taken up again if what it held is still there. It is for a whole cluster that is restored from
// backups: every disk of it needs it, or the others go on to tell that this one went back.
func (n Node) Restored() Node {
	n.Peers = nil
	if n.Founders == nil && n.GaveFounders != nil {
		n.Incarnation, n.Founders = n.Gave, n.GaveFounders
		n.Gave, n.Run = 0, Run{}
	}
	n.GaveFounders = nil
	return n
}

// Run is one run of a node's process on one disk.
type Run struct {
	Incarnation uint64 // of the disk
	Number      uint64 // counts the runs on it
	ID          uint64 // drawn anew for every run
	Reached     uint64 // how far the store was, as Store.Reached tells
}

// ErrClosed is returned by operations on a closed store.
var ErrClosed = errors.New("storage: closed")

// ErrNotFound is returned for a replica, a checkpoint or a node record that is not there.
var ErrNotFound = errors.New("storage: not found")

// ErrCorrupt marks what cannot be proved to be what was written. The replica it concerns must be
// quarantined.
var ErrCorrupt = errors.New("storage: corrupt")

// ErrOutOfRange is returned for entries outside (State.Start, State.Last].
var ErrOutOfRange = errors.New("storage: index out of range")

// Store is the durable state of one node. Write is called by one goroutine at a time (the
// journal's, and before it starts the node's); everything else is safe for any number of goroutines
// at any time.
type Store interface {
	// Node returns the node record, or ErrNotFound on a new disk.
	Node() (Node, error)
	// WriteNode replaces the node record, durably.
	WriteNode(Node) error

	// Replicas returns the state of every replica in the store, in order of replica id. A replica
	// whose log could not be proved contiguous up to its Last is returned by Suspect instead.
	Replicas() ([]State, error)
	// Suspect returns the replicas that failed the check at open or are distrusted, each with the
	// reason (wraps ErrCorrupt).
	Suspect() map[ReplicaID]error

	// Removed reports whether a replica was removed: nothing can be written to it any more.
	Removed(ReplicaID) bool

	// Write makes all the appends durable: one transaction, one sync. When it returns nil, everything
	// in it survives a power cut. When it returns an error nothing may be acknowledged any more and
	// the process must end, unless the error wraps ErrRefused or ErrRemoved: then nothing of it took
	// place, and the appends of other replicas may be written again.
	Write([]Append) error

	// Entries reads entries [lo, hi) of a replica's current generation, at least one and then as many
	// as fit into maxBytes of data. The result is the caller's; its bytes are never written again.
	// ErrOutOfRange if lo lies outside the log or hi above State.Last.Index+1; ErrCorrupt if what was
	// read is not what was written.
	Entries(r ReplicaID, lo, hi, maxBytes uint64) ([]*raftpb.Entry, error)
	// Checkpoint returns the replica's checkpoint, or ErrNotFound.
	Checkpoint(r ReplicaID) (*Checkpoint, error)

	// Reached counts what was made durable. It only grows, so a disk that reaches less than it did
	// holds what it held some time ago.
	Reached() uint64
	// Usage returns how much the store occupies and holds. It takes a while.
	Usage() Usage
	// Room returns how much space there is, at the cost of a system call.
	Room() Room

	// Close releases the store. What was written stays.
	Close() error
}

// Room is the space of the file system that a store is on, in bytes; Total is 0 if it is not known
// or not bounded.
type Room struct{ Free, Total int64 }

// Usage is what a store occupies, in bytes.
type Usage struct {
	Disk int64 // on disk
	Free int64 // left on the file system, 0 if unknown
	// Live is the data of the entries and checkpoints that count, known to about a thirtieth of a log.
	Live int64
	// Reclaimed is how much of the disk was given back since the store was opened because it held what
	// does not count any more.
	Reclaimed uint64
}
