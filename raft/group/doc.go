// Package group is the group coordinator's pure core: groups and the offsets that are committed
// for them, for one partition of __consumer_offsets. It is a coordination.Core.
//
// # Nouns
//
//   - A group has an id, committed offsets, and members that come together in one of several ways:
//     its kind.
//   - classic is the kind with JoinGroup, SyncGroup, Heartbeat and LeaveGroup. A group that nobody
//     is a member of and offsets are committed for is of this kind too.
//   - A member of a classic group has a session, and perhaps a request that is answered later,
//     when the others have joined (join) or the leader has assigned the work (sync).
//   - An offset is what was committed for one partition of a topic.
//
// # Who owns which state
//
//   - Coordinator owns the groups of the partition and the memory that they take.
//   - group owns what all kinds have: offsets and their expiry (offsets.go, retention.go), whether
//     the log knows it, and its deadline. It knows its members through the interface kind only.
//   - A kind owns everything about members (classic*.go). It asks its group to write and to
//     charge.
//   - What no record says (who waits, who was heard of, a rebalance under way) lives in memory
//     only, as in Kafka. It is gone when the coordinator moves, and members join again.
//
// # Invariants
//
//   - What records say of a group is changed by offsetChange.Apply and metadataChange.Apply, live
//     and on replay. A classic group that rebalances runs ahead of its record in generation,
//     protocol, leader and members; the record with the assignment brings the log after it.
//   - After every step the next coordinator would read what this one knows (replay_test.go).
//   - A generation has one leader and gives a member one assignment (property_test.go).
//   - Who waits is answered, once: in time, by a rebalance, or by Abandon.
//   - due is the earliest deadline of a group unless stale: who changes a group says so.
//   - What is charged for a group is what its parts take; drop gives back all of it.
//   - What is done to several groups is done in the order of their ids.
//
// # Where to start
//
// Commit in offsets.go is the shortest way through: decide, write, answer when it is committed.
// Join in classic_join.go, then prepare, tryComplete and complete in classic_rebalance.go, then
// Sync in classic_sync.go is a rebalance from end to end. The stories in testdata show what
// clients see; script_test.go says how to read them. A new kind implements kind, has its requests
// as methods of Coordinator, and its records as Changes that decode in records.go knows.
package group
