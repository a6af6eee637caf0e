// Package coordination is what every coordinator has in common: a coordinator keeps state for
// clients (groups, transactions) in the records of an internal topic, one core for each partition.
//
// # Nouns
//
//   - A Core coordinates what one partition says. raft/group is one. actors/coordinator hosts
//     cores: it reads the log, appends what a core writes, and tells it the time.
//   - A key is what a request is about and its partition is found by: a group's id.
//   - A Record is one record of the topic. A Change is what it says of a core's state.
//   - A Write is the records that one decision makes, appended together or not at all.
//   - Uncommitted is what was decided and is not in the log for certain, and the answers that rest
//     on it.
//   - An Account is the memory that one core takes of a Budget that many share.
//
// # From a request to its answer
//
// A core decides a request against its newest state, committed or not, and gives the records that
// it makes to Writer.Write. Write decodes each of them as the next coordinator will, refuses what
// does not read as it was written, and applies the changes at once. The host takes the Write when
// the turn ends (TakeWrites), appends it, and tells when it is committed (Committed). Answers are
// given through Held or When: they leave once everything is committed that was decided about their
// key until then.
//
// # Invariants
//
//   - Live and replay are one function. State that records speak of changes in Change.Apply and
//     nowhere else, which Writer calls for what is written and for what is replayed.
//   - A request that is refused has changed nothing. Write changes all or nothing.
//   - An answer never tells what may not come to be. That goes for reads too.
//   - Writes are committed in the order in which they were made.
//   - There is no undoing. A core whose write failed, or whose replica does not lead any more, is
//     abandoned: everybody who waits is told to ask again, and another core replays the log.
//   - Everything that was asked is answered, once: when its write is committed, or by Abandon.
//   - What a core takes of the budget it gives back, at the latest in Abandon.
//
// A core is owned by one goroutine at a time and knows no clock: now is in ms since the epoch.
//
// # Where to start
//
// Core in core.go is the contract, Writer.Write in writer.go the one way in which state changes.
// toy_test.go in actors/coordinator has a core of a page.
package coordination
