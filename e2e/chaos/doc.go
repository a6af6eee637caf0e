// Package chaos breaks a cluster of real processes under load, by a schedule that a seed repeats,
// and checks what clients did and saw.
//
// A Run is a cluster whose nodes are hosts with networks and disks of their own (see e2e/hosts). It
// goes through episodes. An episode has topics of its own and a load on them: idempotent and plain
// producers, a consumer group, and probers that ask every node, leader or not. It is a list of
// rounds. A Round is some Faults that overlap; when all of them are over, everything must go on
// without help. At the end of an episode the history is checked (e2e/history: lost, reordered,
// duplicated, reused, minority, committed offsets, linearizability), and all replicas must hold the
// same bytes.
//
// The schedule says when what happens to whom. That the same happens within the processes cannot be
// repeated: that is what the simulator is for.
package chaos
