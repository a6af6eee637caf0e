// Package partition is a partition's state machine: offsets, producers, epochs and the log's start.
package partition
