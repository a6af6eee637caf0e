package replica

import (
	"sync"
	"sync/atomic"

	"github.com/troupe-mq/troupe/actors/stages"
)

// Meters are the histograms that all replicas of a node share, and what those counted that have
// stopped. Safe for any goroutine; the methods of nil Meters do nothing.
type Meters struct {
	// ns from the turn that proposed until the turn that answers; one per proposal
	CommitLatency stages.Histogram
	CommitEntries stages.Histogram // entries that one turn found committed
	// ns from standing for election until leading; one per election won
	Election stages.Histogram
	// bytes of entry data in one message to a follower that brings some
	AppendBytes    stages.Histogram
	SnapshotBytes  stages.Histogram // of a machine's state
	SnapshotCreate stages.Histogram // ns from the turn that took a snapshot until it is durable
	// ns from being offered a snapshot until it and its log are durable
	SnapshotApply stages.Histogram

	// reads of committed records for consumers that found them in memory, or had to go to the store
	TailReads, StoreReads atomic.Uint64

	mu   sync.Mutex
	gone Counts
}

// Counts are what a replica has counted since it was opened.
type Counts struct {
	Commits           uint64 // entries committed
	Won, Lost         uint64 // elections it stood for
	AppendsSent       uint64 // messages with entries or a commit index, to followers
	AppendsReceived   uint64
	AppendsRejected   uint64 // by followers whose log did not match
	Snapshots         uint64 // taken of the own state
	SnapshotsSent     uint64
	SnapshotsReceived uint64
	Compactions       uint64 // the log's start moved forward
	ConfigChanges     uint64 // changes of members applied
	Records, Bytes    uint64 // committed while leading: records, and bytes of record batches
	FetchedBytes      uint64 // handed out to consumers
}

// Plus adds two counts.
func (c Counts) Plus(d Counts) Counts {
	return Counts{
		c.Commits + d.Commits, c.Won + d.Won, c.Lost + d.Lost, c.AppendsSent + d.AppendsSent, c.AppendsReceived + d.AppendsReceived,
		c.AppendsRejected + d.AppendsRejected, c.Snapshots + d.Snapshots, c.SnapshotsSent + d.SnapshotsSent,
		c.SnapshotsReceived + d.SnapshotsReceived, c.Compactions + d.Compactions, c.ConfigChanges + d.ConfigChanges,
		c.Records + d.Records, c.Bytes + d.Bytes, c.FetchedBytes + d.FetchedBytes,
	}
}

// Gone is what the replicas counted that have stopped: totals of the node must not go back.
func (m *Meters) Gone() Counts {
	if m == nil {
		return Counts{}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.gone
}

// read counts a read of committed records.
func (m *Meters) read(tail bool) {
	switch {
	case m == nil:
	case tail:
		m.TailReads.Add(1)
	default:
		m.StoreReads.Add(1)
	}
}

func (m *Meters) stopped(c Counts) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.gone = m.gone.Plus(c)
}
