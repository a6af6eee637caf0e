// Package upkeep is the room of a node that keeps its disk in order: how much space is left, what
// that means for the node and its peers, and the file that is given up when there is none.
//
// Its nouns: a level is how full a disk is (ample; low: writes are refused and leaderships go;
// full: nothing that needs space is taken); the ballast is a file that only takes space.
//
// It owns the level of this node's disk and what the peers said of theirs. Others ask Low, Roomy,
// Own and PeerFull.
//
// Invariants: what has no room here is dropped as if it were lost on its way, but never the
// metadata, without which no topic could be deleted.
//
// Begin to read in space.go.
package upkeep
