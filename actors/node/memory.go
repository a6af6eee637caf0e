package node

import (
	"github.com/troupe-mq/troupe/actors/ledger"
	"github.com/troupe-mq/troupe/actors/replica"
)

// How a node divides Config.Memory: an eighth for requests under way (queued.max.request.bytes), an
// eighth for fetched records that consumers have not taken yet, an eighth for the newest records of
// its replicas, an eighth for entries that wait for the disk, beyond which none are taken from
// leaders on other nodes, and a sixteenth for what is on its way to each peer, if that is less than
// a link takes by itself, a sixteenth for the idempotent producers that are remembered, one for
// consumer groups, and a thirty-second for changes of the metadata without an outcome. The rest is
// for entries on their way to the disk, tables, and what Go needs to collect garbage.
const (
	requestsShare = 8
	answersShare  = 8
	backlogShare  = 8
	cacheShare    = 8
	windowShare   = 16
	// producersShare of it is for the idempotent producers that the replicas remember.
	producersShare = 16
	// groupsShare of it is for consumer groups and their offsets.
	groupsShare = 16
	// changesShare of it is for changes of the metadata that wait to become durable.
	changesShare = 32
)

// changesBytes is what there is for them without a bound.
const changesBytes = 256 << 20

// changeBytes bounds the changes of the metadata that wait to become durable.
func (c *Config) changeBytes() int64 {
	if c.Memory == 0 {
		return changesBytes
	}
	return c.Memory / changesShare
}

// mostProducers is how many idempotent producers the replicas of a node remember, by its memory.
func mostProducers(memory int64) int64 {
	if memory == 0 {
		return 1 << 22
	}
	return memory / producersShare / replica.ProducerBytes
}

// mostWindow is how much a link to a peer has under way at most: more does not make it faster.
const mostWindow = 64 << 20

// windowBytes is how much a link to a peer may have under way; 0 takes the link's default.
func (n *Node) windowBytes() int { return int(min(n.config.Memory/windowShare, mostWindow)) }

// Bounds of what one replica keeps of its newest records: more is of no use, and with less every
// consumer reads from disk.
const (
	mostCache  = 2 << 20
	leastCache = 32 << 10
)

// replicaBytes is what a replica is taken to need when it is asked whether there is room for more:
// twice what an idle one takes.
const replicaBytes = 64 << 10

// mostReplicas is how many replicas a node may hold that has no bound on its memory.
const mostReplicas = 1_000_000

// MostReplicas implements api.Cluster: the other half of the memory is for what the replicas do. It
// is as if all nodes had as much memory as this one.
func (n *Node) MostReplicas() int {
	if n.config.Memory == 0 {
		return mostReplicas
	}
	return int(min(max(n.config.Memory/2/replicaBytes, leastReplicas), mostReplicas))
}

// Ledger implements api.Cluster.
func (n *Node) Ledger() *ledger.Ledger { return &n.ledger }

// sessionsShare is the part of the memory that is for fetch sessions, sessionsBytes what there is
// without a bound.
const (
	sessionsShare = 32
	sessionsBytes = 256 << 20
)

// SessionBytes implements api.Cluster.
func (n *Node) SessionBytes() int64 {
	if n.config.Memory == 0 {
		return sessionsBytes
	}
	return n.config.Memory / sessionsShare
}

// leastReplicas is how many a node may hold however little memory it has.
const leastReplicas = 1000

// cacheBytes is how many bytes of its newest records one of so many replicas here may keep in
// memory.
func (n *Node) cacheBytes(replicas int64) int {
	replicas = max(replicas, 1)
	if n.config.Memory == 0 {
		return mostCache
	}
	return int(min(max(n.config.Memory/cacheShare/replicas, leastCache), mostCache))
}

// requestBytes bounds the bytes of requests under way; 0 takes the server's default.
func (n *Node) requestBytes() int64 {
	if set := n.settings().Number("queued.max.request.bytes"); set > 0 {
		return set
	}
	return n.config.Memory / requestsShare
}

// crowded reports whether so much waits for the disk that no more entries are taken from leaders on
// other nodes: they are dropped as if they were lost, and the leaders send them again, one at a
// time, until they are taken. Without it a node whose disk is slower than those of the others would
// hold whatever those two agree on.
func (n *Node) crowded() bool {
	return n.config.Memory > 0 && n.journal.Unwritten() > n.config.Memory/backlogShare
}
