// Package upkeep is the room of a node that keeps its disk in order: what is old is deleted and
// what is superseded cleaned away, by the time that a majority of the nodes' clocks has reached;
// what is stored is looked through for damage; and how much space is left decides what the node
// takes.
//
// Its nouns: a level is how full a disk is (ample; low: writes are refused and leaderships go;
// full: nothing that needs space is taken); the ballast is a file that only takes space.
//
// It owns the level of this node's disk and what the peers said of theirs. Others ask Low, Roomy,
// Own and PeerFull.
//
// Invariants: what has no room here is dropped as if it were lost on its way, but never the
// metadata, without which no topic could be deleted; nothing is old while fewer than a majority of
// the nodes could be asked for the time, and no time goes into a log that a majority does not show.
//
// Begin to read in space.go for the one, in retention.go for the other.
package upkeep
