package server

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/troupe-mq/troupe/actors/ledger"
)

// budget bounds the bytes of requests that are being read, not yet answered, or given up by their
// client and not yet carried out, on all connections.
//
// A request takes its bytes in steps, as they arrive, so waiting for each step could stop all
// connections with half a request each. Therefore one request may go beyond the limit, and another
// only once all are within it again: the bound is the limit and one request. Small requests, but
// for those that bring records, have a reserve beyond it, so that what floods keeps nobody from
// asking.
//
// A client that has sent half a request and goes on slowly would hold what others wait for. While
// somebody waits, those that bring too little are closed.
type budget struct {
	limit   int64
	reserve int64         // what small requests may take beyond limit
	hurry   time.Duration // how often somebody who waits looks for those that are too slow; 0: never
	ledger  *ledger.Ledger
	crowded func() bool // records wait for the disk as it is, so no more are taken; may be nil

	mu       sync.Mutex
	used     int64
	over     *claim              // who may go beyond the limit
	changed  chan struct{}       // closed when bytes come back; nil if nobody waits
	arriving map[*claim]struct{} // requests that have begun to arrive
	looked   time.Time           // when it was last looked for slow ones
}

// smallRequest is the size up to which a request may use the reserve. leastRate is what a request
// that arrives has to bring, in bytes per second, while others wait for what it holds.
const (
	smallRequest = 64 << 10
	leastRate    = 128 << 10
)

// claim is the part of the budget of one request.
type claim struct {
	budget *budget
	small  bool   // may use the reserve
	slow   func() // closes the connection; called with the budget's mutex held

	arrived atomic.Int64 // bytes that have come

	// Guarded by the budget's mutex.
	bytes   int64
	waits   bool  // for the budget: that nothing arrives is not its client's fault
	waited  bool  // so it was at some time since it was last looked for slow ones
	seen    int64 // of arrived, when it was last looked for slow ones
	watched bool  // seen is set
}

// take adds n bytes to the claim, waiting for them until the connection or the server ends; it
// returns false then.
func (c *claim) take(n int64, closed, stopping <-chan struct{}) bool {
	for {
		wait := c.try(n)
		if wait == nil {
			return true
		}
		if !c.await(wait, closed, stopping) {
			return false
		}
	}
}

// await waits until it is worth another try.
func (c *claim) await(wait, closed, stopping <-chan struct{}) bool {
	var late <-chan time.Time
	if c.budget.hurry > 0 {
		t := time.NewTimer(c.budget.hurry)
		defer t.Stop()
		late = t.C
	}
	select {
	case <-wait:
	case <-late:
		c.budget.closeSlow(time.Now())
	case <-closed:
		return false
	case <-stopping:
		return false
	}
	return true
}

// try takes n bytes, or returns what to wait for.
func (c *claim) try(n int64) <-chan struct{} {
	b := c.budget
	full := !c.small && b.crowded != nil && b.crowded()
	b.mu.Lock()
	defer b.mu.Unlock()
	limit := b.limit
	if c.small {
		limit += b.reserve
	}
	if c.waits = full || b.used+n > limit && b.used > 0 && !c.mayExceed(); c.waits {
		c.waited = true
		if b.changed == nil {
			b.changed = make(chan struct{})
		}
		return b.changed
	}
	c.change(n)
	return nil
}

// mayExceed lets one request that has begun finish at any rate.
func (c *claim) mayExceed() bool {
	if c.bytes > 0 && c.budget.over == nil {
		c.budget.over = c
	}
	return c.budget.over == c
}

// settle makes the claim n bytes, whatever it was: what is there already cannot wait.
func (c *claim) settle(n int64) {
	b := c.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	less := n < c.bytes
	if c.change(n - c.bytes); less {
		b.wake(c)
	}
}

// change counts n bytes more. The caller holds the budget's mutex.
func (c *claim) change(n int64) {
	c.bytes += n
	c.budget.used += n
	c.budget.ledger.Take(ledger.RequestBytes, n)
}

// giveBack returns all bytes of the claim.
func (c *claim) giveBack() {
	b := c.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.arriving, c) // where it ended before it was there
	c.change(-c.bytes)
	b.wake(c)
}

// wake lets those look that wait, after bytes of a claim came back. The caller holds mu.
func (b *budget) wake(c *claim) {
	if b.over == c && c.bytes == 0 || b.used <= b.limit {
		b.over = nil
	}
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
}

// begin tells that a request arrives from now on, and arrivedWhole that it is there.
func (b *budget) begin(c *claim) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.arriving == nil {
		b.arriving = make(map[*claim]struct{})
	}
	b.arriving[c] = struct{}{}
}

func (b *budget) arrivedWhole(c *claim) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.arriving, c)
}

// closeSlow closes the connections of requests that have brought too little since it was last
// looked, while others wait.
func (b *budget) closeSlow(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	since := now.Sub(b.looked)
	if since < b.hurry {
		return // somebody else has just looked
	}
	b.looked = now
	least := int64(min(since, 2*b.hurry).Seconds() * leastRate) // nobody looks while nobody waits
	for c := range b.arriving {
		arrived := c.arrived.Load()
		if c.watched && !c.waited && arrived-c.seen < least && c.bytes > 0 {
			c.slow()
			delete(b.arriving, c)
		}
		c.seen, c.watched, c.waited = arrived, true, c.waits
	}
}

// inUse returns the bytes taken.
func (b *budget) inUse() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}
