package stages

import "time"

// Clock holds the stages of the produce requests of one node, in the order in which a request goes
// through them. Times are in ns. What is measured where:
//
//	frame read ─ check ─ sent to the actor ─ queue ─ turn ─ stage ─ handed to links and journal
//	─ wait ─ transaction begins ─ sync ─ durable here
//	─ replicate ─ committed here ─ apply ─ answered by the actor ─ answer ─ written to the socket
//
// Queue, stage, replicate and apply are of replicas that lead; wait and sync are of everything that
// the node writes, as a follower too. All may be recorded by any goroutine. A nil Clock records
// nothing.
type Clock struct {
	Check Histogram // request read → its batches checked and sent; one per produce request
	// sent → taken by the actor's turn: the turns before; one per partition of a request
	Queue Histogram
	// the turn began → its entries are with links and journal; one per proposal, which may hold many
	// requests
	Stage Histogram
	// given to the journal → its transaction begins: the sync before; one per write
	Wait Histogram
	Sync Histogram // a transaction and its sync; one per group of writes
	// durable here → committed here: what the majority took longer than this node, and the hops; one
	// per proposal
	Replicate Histogram
	// the turn that learned of the commit began → those who waited are answered; one per proposal
	Apply Histogram
	// answered by the last partition → written to the socket; one per produce request
	Answer  Histogram
	Request Histogram // all of it: request read → answer written; one per produce request

	GroupWrites   Histogram // writes merged into one transaction
	GroupBytes    Histogram // bytes of entry data in one transaction
	ProposalBytes Histogram // bytes of entry data in one proposal
}

// Reading is what a clock's histograms held at one moment, by name.
type Reading map[string]Counts

// Read returns what the clock holds. The reading of a nil clock is empty.
func (c *Clock) Read() Reading {
	if c == nil {
		return Reading{}
	}
	return Reading{
		"check": c.Check.Read(), "queue": c.Queue.Read(), "stage": c.Stage.Read(), "wait": c.Wait.Read(), "sync": c.Sync.Read(),
		"replicate": c.Replicate.Read(), "apply": c.Apply.Read(), "answer": c.Answer.Read(), "request": c.Request.Read(),
		"group_writes": c.GroupWrites.Read(), "group_bytes": c.GroupBytes.Read(), "proposal_bytes": c.ProposalBytes.Read(),
	}
}

// Since returns what happened since an earlier reading of the same clock.
func (r Reading) Since(before Reading) Reading {
	out := make(Reading, len(r))
	for name, c := range r {
		out[name] = c.Since(before[name])
	}
	return out
}

// Plus returns what two nodes did together.
func (r Reading) Plus(other Reading) Reading {
	out := make(Reading, len(r))
	for name, c := range r {
		out[name] = c
	}
	for name, c := range other {
		out[name] = out[name].Plus(c)
	}
	return out
}

var started = time.Now()

// Moment is a time of this process's monotonic clock in ns; 0 is none.
type Moment int64

// Now is the present moment, never 0.
func Now() Moment { return Moment(time.Since(started)) + 1 }

// To returns the ns up to a later moment.
func (m Moment) To(later Moment) int64 { return int64(later - m) }

// Time is the moment by the wall clock, as it went when the process started.
func (m Moment) Time() time.Time { return started.Add(time.Duration(m - 1)) }
