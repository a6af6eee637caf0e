package raft

import (
	"errors"
	"fmt"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/storage"
)

// Founding is the position at which the founding replicas of a shard start, as if everything before
// had been compacted. It is not zero so that a replica which was not there at the founding, and
// whose log is empty, can only learn the members from a snapshot, never from the entries alone.
var Founding = storage.Position{Index: 10, Term: 5}

// Reader reads durable entries; storage.Store is one.
type Reader interface {
	Entries(r storage.ReplicaID, lo, hi, maxBytes uint64) ([]*raftpb.Entry, error)
}

// DefaultChunkBytes is how much of a log one chunk brings.
const DefaultChunkBytes = 256 << 10

// Limits bound what one shard may have under way. Zero fields take the default.
type Limits struct {
	// ticks without a leader before an election; randomized up to twice that. Default 12
	ElectionTicks  int
	HeartbeatTicks int // ticks between heartbeats. Default HeartbeatTicks
	// most entry bytes in one message to a follower, one entry at least. Default 1 MiB
	MessageBytes    uint64
	InflightBytes   uint64 // most entry bytes under way to one follower. Default 8 MiB
	InflightMessage int    // most messages under way to one follower. Default 256
	CacheBytes      uint64 // newest entries kept in memory for followers. Default 1 MiB
	CheckpointBytes uint64 // applied entry bytes after which a checkpoint is due. Default 1 MiB
	CheckpointCount uint64 // applied entries after which a checkpoint is due. Default 512
	// most entry bytes in one piece of a log that is pulled, one entry at least; what fits one travels
	// with the snapshot. Default 256 KiB
	ChunkBytes  uint64
	KeepEntries uint64 // with Compact: entries kept behind a checkpoint. Default 1024
}

// HeartbeatTicks is the default of Limits.HeartbeatTicks: a third of the shortest election timeout.
const HeartbeatTicks = 4

func (l *Limits) setDefaults() {
	setDefault(&l.ElectionTicks, 12)
	setDefault(&l.HeartbeatTicks, HeartbeatTicks)
	setDefault(&l.MessageBytes, 1<<20)
	setDefault(&l.InflightBytes, 8<<20)
	setDefault(&l.InflightMessage, 256)
	setDefault(&l.CacheBytes, 1<<20)
	setDefault(&l.CheckpointBytes, 1<<20)
	setDefault(&l.CheckpointCount, 512)
	setDefault(&l.ChunkBytes, DefaultChunkBytes)
	setDefault(&l.KeepEntries, 1024)
}

func setDefault[T int | uint64](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}

// Config is what a replica is made of.
type Config struct {
	State      storage.State       // what the store holds
	Checkpoint *storage.Checkpoint // what the store holds; never nil
	Entries    Reader
	Machine    Machine
	Limits     Limits
	// Compact drops entries behind checkpoints: for machines whose state is all that matters (__meta).
	// A partition's log is its data and stays.
	Compact bool
}

func (c *Config) validate() error {
	switch {
	case c.State.Shard == 0 || c.State.Replica == 0:
		return errors.New("raft: a replica needs a shard id and a replica id")
	case c.Checkpoint == nil || c.Checkpoint.Conf == nil:
		return errors.New("raft: a replica needs a checkpoint with the shard's members")
	case c.Checkpoint.Index < c.State.Start.Index || c.Checkpoint.Index > c.State.Last.Index:
		return fmt.Errorf("raft: checkpoint at %d lies outside the log (%d, %d]", c.Checkpoint.Index, c.State.Start.Index, c.State.Last.Index)
	case c.State.Commit > c.State.Last.Index:
		return fmt.Errorf("raft: commit %d lies above the last entry %d: the log lost its end", c.State.Commit, c.State.Last.Index)
	}
	return nil
}

// Join returns what the store of a replica holds at first that is to become a member of a shard
// that is there already: nothing, not even the members, which it learns with a snapshot.
func Join(s storage.ShardID, r storage.ReplicaID) storage.Append {
	return storage.Append{
		State:      storage.State{Shard: s, Replica: r},
		Checkpoint: &storage.Checkpoint{Conf: &raftpb.ConfState{}},
	}
}

// Found returns what the store of a founding replica holds at first.
func Found(s storage.ShardID, r storage.ReplicaID, voters, learners []storage.ReplicaID) storage.Append {
	conf := &raftpb.ConfState{}
	for _, v := range voters {
		conf.Voters = append(conf.Voters, uint64(v))
	}
	for _, l := range learners {
		conf.Learners = append(conf.Learners, uint64(l))
	}
	return storage.Append{
		State: storage.State{
			Shard: s, Replica: r,
			Term: Founding.Term, Commit: Founding.Index,
			Start: Founding, Last: Founding,
		},
		Checkpoint: &storage.Checkpoint{Position: Founding, Conf: conf},
	}
}
