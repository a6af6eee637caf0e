package replica

import (
	"sync/atomic"

	"github.com/troupe-mq/troupe/actors/spans"
	"github.com/troupe-mq/troupe/actors/stages"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/storage"
)

// Appended tells how a proposal ended.
type Appended struct {
	// Err is nil if the records are committed. After NOT_LEADER_OR_FOLLOWER the outcome may be
	// unknown: the records may still be committed by the next leader.
	Err *protocol.Error
	// BaseOffset is the offset of the first record; for a repetition of an idempotent batch, that of
	// the original.
	BaseOffset int64
	// LogAppendTime is in ms since the epoch, -1 unless the topic stamps it.
	LogAppendTime int64
	// LogStart is the first offset kept.
	LogStart int64
}

// Records asks the leader to append record batches.
type Records struct {
	// Batches holds whole record batches of magic 2 back to back, checked by the caller (lengths, CRC,
	// counts). They are copied before Done is called; the actor may write into them (base offset,
	// epoch, append time).
	Batches []byte
	// Epoch is the leader epoch that the caller expects, or -1. Another epoch answers
	// NOT_LEADER_OR_FOLLOWER.
	Epoch int32
	// StampTime makes the leader's clock the records' timestamp
	// (message.timestamp.type=LogAppendTime).
	StampTime bool
	// Done is called exactly once, on the actor's turn when all is committed or known to fail. It must
	// not block.
	Done func(Appended)

	// Trace is set for a batch that is traced.
	Trace *spans.Traced

	sent stages.Moment
}

// Trim asks the leader to move the log's start to Offset (DeleteRecords, retention). -1 is the high
// watermark.
type Trim struct {
	Offset int64
	// Done is called exactly once with the new log start when the trim is committed. It must not
	// block.
	Done func(logStart int64, err *protocol.Error)
}

// Mailbox receives what is sent to a replica actor: *Records, *Trim and the node's own messages.
type Mailbox func(message any)

// Ref is the handle of a running replica on this node. Safe for any number of goroutines.
type Ref struct {
	Shard   storage.ShardID
	Replica storage.ReplicaID

	send       Mailbox
	members    atomic.Pointer[Members]
	fetched    atomic.Uint64 // bytes handed out to consumers
	membership atomic.Pointer[Membership]
	bytes      atomic.Int64
	idle       atomic.Pointer[idle]
	rested     *idle // when Rested was called last; its caller's
	hurries    atomic.Bool
	views
}

// Members are the shard's replicas, the preferred leader first. Not to be changed.
func (r *Ref) Members() Members { return *r.members.Load() }

// Hurries reports whether the replica should be told of every tick: it has no leader, or hands
// leadership over.
func (r *Ref) Hurries() bool { return r.View().Leader == 0 || r.hurries.Load() }

// Fetched counts bytes that were handed out to consumers.
func (r *Ref) Fetched(bytes int) { r.fetched.Add(uint64(bytes)) }

// Group is how the shard's members are as this replica knows it. Not to be changed.
func (r *Ref) Membership() *Membership { return r.membership.Load() }

// Bytes is about how large the partition's log is.
func (r *Ref) Bytes() int64 { return r.bytes.Load() }

// Append sends records to the actor. It never blocks.
func (r *Ref) Append(p *Records) {
	p.sent = stages.Now()
	r.send(p)
}

// Trim sends a trim to the actor. It never blocks.
func (r *Ref) Trim(p *Trim) { r.send(p) }

// Command sends a command to the actor of __meta. It never blocks.
func (r *Ref) Command(c *Command) { r.send(c) }

// Send sends one of the node's own messages (Step, Tick, Down, …) to the actor. It never blocks.
func (r *Ref) Send(message any) { r.send(message) }
