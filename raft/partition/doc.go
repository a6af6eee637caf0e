// Package partition is a partition's state machine: offsets, idempotent producers, epochs and the
// log's start.
//
// An entry of a partition's log:
//
//	0      1         2        4           8             16                24
//	+------+---------+--------+-----------+-------------+-----------------+------------------------+
//	| kind | version | flag,  | batches:4 | base        | max             | record batches, back   |
//	| :1   | :1      | zero:1 |           | offset:8    | timestamp:8     | to back                |
//	+------+---------+--------+-----------+-------------+-----------------+------------------------+
//
// Base offset is that of the first record; max timestamp is the largest of the whole log up to and
// including the entry. What follows the header is what consumers get. In an entry of kind trim,
// base offset is where the log shall start, and nothing follows; with the flag 2 it trims nothing
// and a reading of the leader's clock follows: see clocked.put.
//
// A log is cleaned by appending (docs/adr/0009): the leader goes through the records below an
// offset, appends those that are to be kept as entries of kind kept, their batches' offsets
// unchanged, and at last one of kind cleaned. With that one applied, records below the offset are
// those in the kept entries, and everything before is reclaimable. In a kept entry base offset is
// the first offset that it answers for, and the flag marks the first one of a cleaning. In one of
// kind cleaned base offset is where the cleaning ended, and its five integers of 8 bytes follow the
// header: see cleaning.put. Integers are big-endian.
//
// A record is given its offset by the leader alone, in Partition.Stage (stage.go), before anything
// is proposed; Unstage takes back what raft did not take. Begin to read in partition.go, which has
// the three states that a partition is in at once (applied, end of the log, staged), then stage.go
// and entry.go.
package partition
