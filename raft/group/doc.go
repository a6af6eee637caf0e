// Package group is the group coordinator's pure core: consumer groups of the classic protocol
// and their committed offsets, for one partition of __consumer_offsets.
//
// A request is decided against the newest state and emits records. The records are encoded, read
// back and applied at once, by the function that also replays the log when a coordinator takes
// over: live and replayed state cannot differ. What was appended is not committed yet, so every
// answer that rests on it is held until it is. There is no undoing: a coordinator that loses its
// leadership or one write is abandoned, everybody who waits is told to ask again, and its successor
// replays the log.
//
// What no record says (who waits, who was heard of, a rebalance under way) lives in memory only, as
// in Kafka. Time comes in with every call, in ms since the epoch.
package group
