// Package replica is the partition-replica actor: it hosts one raft.Replica, performs its effects,
// and publishes its [View]. A [Ref] is how the rest of the node talks to it.
package replica
