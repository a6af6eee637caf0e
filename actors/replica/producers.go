package replica

import "sync/atomic"

// Producers counts the idempotent producers that all replicas of a node remember, and bounds them.
// Safe for any number of goroutines; nil bounds nothing.
type Producers struct {
	most int64
	held atomic.Int64
}

// ProducerBytes is what a producer takes in memory, about.
const ProducerBytes = 256

// leastProducers is how many a partition may remember however many others do.
const leastProducers = 128

// NewProducers makes a count of at most so many.
func NewProducers(most int64) *Producers { return &Producers{most: most} }

// Held is how many are remembered.
func (p *Producers) Held() int64 { return p.held.Load() }

// limit is how many a partition may remember at the moment: as many as there is room for in all
// others together, so that no partition takes the whole of it. 0 is no limit.
func (p *Producers) limit() int {
	if p == nil {
		return 0
	}
	return int(max(p.most-p.held.Load(), leastProducers))
}

// note counts that a replica remembers now many where it was counted with before.
func (p *Producers) note(counted *int, now int) {
	if p != nil && *counted != now {
		p.held.Add(int64(now - *counted))
		*counted = now
	}
}
