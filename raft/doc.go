// Package raft steps one member of one shard: etcd/raft's RawNode with asynchronous storage writes
// behind a surface without goroutine, clock or disk.
package raft
