// Package history records what clients did and saw, and checks afterwards that the cluster kept its
// promises:
//
//   - Lost: an acknowledged record is in the log, at the offset it was acknowledged with.
//   - Reordered: the records of one producer in one partition are in the order they were sent in.
//   - Duplicated: a record of an idempotent producer is in the log once.
//   - Invented: nothing is in the log that nobody sent, or that was refused for good.
//   - Reused: an offset has one value, whoever saw it, whenever.
//   - HighWatermark: what was once told to be committed stays so; a later question is never
//     answered with less, but by a leader of an earlier epoch.
//   - Minority: what is sent to a node without a majority is not acknowledged while it has none.
//   - Committed: a group's committed offset never goes back.
//
// A Recorder is for many goroutines; Check runs once, at the end, on what was recorded and on the
// final log that the test read. Linearizable is a stronger promise, of partitions that are probed
// one record at a time: see there.
package history
