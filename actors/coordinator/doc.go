// Package coordinator runs the group coordinators: one actor per led partition of
// __consumer_offsets around the pure core in raft/group.
package coordinator
