// Package raft is one member of one shard: etcd/raft's RawNode with asynchronous storage writes,
// the log, and the [Machine] that the shard replicates, behind a surface without goroutine, clock
// or disk. The actor of actors/replica owns one and performs what it asks for; the simulator
// (e2e/sim) and the tests of this package do the same on one goroutine.
//
// # Nouns
//
//	Replica    one member of one shard, as a value with one owner
//	Effects    what its owner has to do after a turn: send, write, answer
//	Machine    what the shard replicates: partition, metadata (packages below)
//	log        what etcd/raft reads of the store; durable entries only
//	write      an append handed out that the journal has not reported
//	checkpoint the machine's state at an index, from which a restart and a snapshot begin
//	payload    the data of a raft snapshot: a checkpoint, and the log if that is small
//	Pull       asks for the log that goes with a snapshot; answered by Chunks from a Source
//	pin        keeps the beginning of a log for a replica that pulls it
//	Wanted     the members a shard shall have; Reconfigure takes one step towards them
//	Membership the members a shard has, and how far each has come
//	Beat       a heartbeat, and its answer, of an idle shard, packed with those of others
//
// # A turn
//
// The owner feeds a Replica (Step, Tick, Propose, Written, Pulled, …), which only notes what came,
// and then calls Ready once. Ready steps etcd/raft until it has nothing more to say and returns the
// Effects. Any order of the three kinds of effects is right; within each the order is theirs.
//
//	Propose ─┐                       ┌─ Messages to the other members, at once
//	Step    ─┼─ Ready ─ Effects ─────┼─ Writes to the journal ─ Written, in order, once durable
//	Written ─┤                       └─ Applied: committed entries with the machine's results
//	Tick    ─┘
//
// # Three logs
//
// Raft's own log holds what was stepped, the one handed out what Ready has passed on as Writes, and
// the durable one what Written has reported. Each may be ahead of the next. A decision about what
// this replica holds is made from raft's own or from the one handed out, never from the durable
// one: a truncation may be on its way to the disk.
//
// # What always holds
//
//   - A message that promises anything (MsgAppResp, votes) leaves only after the write behind it is
//     durable: it waits in write.responses. Entries and hard state are one write.
//   - Every index is given to the machine's Append once for each entry that stands there, and to
//     Apply once, in order. Apply follows only what is committed and durable here, unless a
//     snapshot is being restored.
//   - A commit index alone is never synced. It is learned again; where nobody is left to teach it,
//     from a commit hint.
//   - The start of the log moves only over what a checkpoint holds, what the machine does not want
//     (Reclaimer) and what no pin keeps.
//   - A replica that pulls a log counts nothing of it until all of it is durable in the next
//     generation of its keys, which one write makes current.
//   - An error from Ready, Step or Written is a broken invariant or unreadable storage. The owner
//     quarantines the replica and never uses it again.
//
// # Where to start reading
//
// replica.go (what it is, Open), ready.go (a turn), effects.go, log.go; then, as needed:
// checkpoint.go and restore in ready.go (snapshots), payload.go, chunk.go, pull.go, source.go,
// pinned.go (logs that are pulled), members.go and reconfigure.go (members), handover.go (planned
// change of leader), idle.go (beats), insync.go (Kafka's in-sync replicas), commit_hint.go,
// force.go (an operator's recovery of a shard without its majority).
package raft
