// Package node is a running node: it assembles the rooms that a node consists of, brings it into
// its cluster, and is what clients' requests, operators and observers call.
//
// The rooms, each a package below this one, with a type that owns its state:
//
//   - local: what all rooms share, and question: what nodes ask each other.
//   - leadership: who leads what, and where leaderships go.
//   - hosting: the replicas that run here.
//   - operate: what changes the cluster, and the supervisor's actor.
//   - upkeep: the disk: space, retention, cleaning, scrubbing.
//   - observe: what is seen of the node and of its cluster.
//
// Here are the World that a node lives in, its Config, how the memory is divided, the receiver of
// what peers send, and membership, which is no room of its own yet: founding (bootstrap.go,
// forming.go), joining (join.go, admission.go, register.go), recognising peers and their disks
// (verify.go, rollback.go, unverified.go), and disks that are given up (aside.go, expendable.go).
//
// Invariants: nothing of raft is exchanged with a peer that was not verified; a disk of which
// others remember more than it holds is given up before anything of it is used; a disk that was
// part of a cluster never founds another; when Stop returns no goroutine of the node runs any more.
//
// Begin to read in node.go and build.go, then in the doc.go of the room in question.
package node
