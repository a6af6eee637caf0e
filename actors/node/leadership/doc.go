// Package leadership is the room of a node that knows who leads what, tells the others what this
// node leads, and hands leaderships over: back to preferred leaders, away from a node in
// maintenance or with a full disk, and all of them before the node stops.
//
// Its nouns: a word is what a leader says of itself (shard, epoch, who is in sync); known are the
// newest words of all leaders; a node is to be no leader (NoLeader) while it stops, is in
// maintenance or lacks space; an heir is a replica that can take a leadership over, the successor
// the one that should.
//
// It owns the words, which peers stop, since when peers are up, and whether this node drains. Its
// neighbours are the replicas that run here (Replicas) and the space on disks (Space). Others read
// what it knows with Of, Await and News.
//
// Invariants: a word of a higher epoch replaces one of a lower, of one epoch the leader's last word
// counts; a node that drains takes no leadership back; what this node says of its own leadership
// holds only while its replica leads in that epoch.
//
// Begin to read in leaderships.go, then known.go (the words), gossip.go (how they travel),
// balance.go and drain.go (where leaderships go).
package leadership
