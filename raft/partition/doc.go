// Package partition is a partition's state machine: offsets, idempotent producers, epochs and the log's start.
//
// An entry of a partition's log:
//
//	0      1         2        4           8             16                24
//	+------+---------+--------+-----------+-------------+-----------------+------------------------+
//	| kind | version | zero:2 | batches:4 | base        | max             | record batches, back   |
//	| :1   | :1      |        |           | offset:8    | timestamp:8     | to back                |
//	+------+---------+--------+-----------+-------------+-----------------+------------------------+
//
// Base offset is that of the first record; max timestamp is the largest of the whole log up to and including the entry. What follows
// the header is what consumers get. In an entry of kind trim, base offset is where the log shall start, and nothing follows.
// Integers are big-endian.
package partition
