// Package replica is the partition-replica actor. It owns one raft.Replica, performs the effects of
// its turns, and publishes an immutable [View] for everybody who reads. The replica of __meta is
// the same actor with another content.
//
// # Nouns
//
//	Actor    the owner of one raft.Replica; its methods run on its mailbox only
//	Ref      what the rest of the node holds of an actor: tell it something, read its View
//	View     what readers may see at a moment: log start, high watermark, epoch, tail; never changed
//	content  what the shard is about: records of a partition (records.go) or commands of the
//	         metadata (metadata.go); it turns requests into entries and results into answers
//	Node     what the actor asks of its node: send, write, report damage
//	tail     the newest records, in memory, read before the store
//	bookmark where a reader stopped, so that its next read need not look for the place
//	Standing how the replica is, for status pages, metrics and the other nodes
//
// # A turn
//
// The mailbox hands over all that arrived. The actor gives each message to the raft.Replica or to
// its content; then the content proposes all that was requested as one step, Ready is called,
// messages and writes are handed out, what was applied is given to the content, a new View is
// published if anything in it changed, and only then are answers given: who has an answer finds
// what it tells.
//
// # Who owns what
//
//   - The actor owns the raft.Replica, the content and with it the machine. Nobody else calls them.
//   - A View is published by pointer and never changed afterwards; a fetch enters no mailbox.
//   - A request belongs to the content from the moment it is taken until Done is called, exactly
//     once: with a result, with a refusal (another leads), or because the actor stops.
//   - Buffers of proposed entries go back to the content (recycle); etcd/raft has its own copy.
//
// # What always holds
//
//   - A leader shows itself as one only after it applied an entry of its own term, so that its high
//     watermark is that of every leader before it or newer.
//   - The high watermark and the log start of a View never go back, whoever leads.
//   - A refusal that makes a producer begin anew, and whatever asks Confirm, is answered only
//     after a majority has said that this replica still leads (leadership_check.go).
//   - A replica whose raft.Replica returned an error is broken: it refuses everything, never votes,
//     never acknowledges, and is replaced under another id.
//
// # Where to start reading
//
// actor.go (the turn), records.go (a partition's requests), publish.go and view.go (what readers
// see), reader.go and tail.go (how they read), membership.go (the members), idle.go (shards in
// which nothing happens), clean.go (compaction), open.go.
package replica
