// Package coordinator hosts coordinators: the cores of raft/coordination, each beside the replica
// that leads its partition.
//
// # Nouns
//
//   - A Kind describes the coordinators of one internal topic: which topic, how a key's partition
//     is found, how a core is made, and the limits of a node and a batch. Groups is one.
//   - A Host runs the coordinators of one kind on a node. Who has a request asks it for a key's
//     core (Do, Sure) or for all of them (Each).
//   - A coordinator is an actor: it owns one core at a time, from load to Abandon. The actor lives
//     as long as the replica is on the node; a core lives as long as one leadership and no failed
//     write.
//   - A life is the identity of one core, so that late news of the one before is void.
//
// # Who owns which state
//
//   - The core owns everything about its keys. It is touched on the actor's turn only, but for the
//     load, during which nobody else has it.
//   - The actor owns the state (idle, loading, serving), requests that wait for the load or for
//     the leadership check, and the timer for the core's next deadline.
//   - The Host owns the addresses of its actors, the memory that their cores share, and the timer
//     of retention.
//   - The log belongs to actors/replica. What is read from it is committed; what is sent to it is
//     answered in order.
//
// # Invariants
//
//   - A core that serves has replayed everything that was in the log when its load began, and no
//     more than was committed: a barrier in the replica comes before the load.
//   - A write is of the epoch in which its core was loaded; the replica refuses those of another.
//   - A core hears of its writes in the order in which it made them. After one that failed it
//     hears nothing more and is abandoned.
//   - Every Command runs or is refused, once. Requests that an actor has not taken when it stops
//     are refused by actors.Asking, those that it has, by abandon.
//   - What cores take of the memory is given back when they are abandoned, also by a load that
//     nobody waits for any more.
//
// # Where to start
//
// Turn in actor.go, then look in load.go (how a core comes to be) and appended in append.go (what
// becomes of a write). toy_test.go has the smallest core, beside which everything here runs.
package coordinator
