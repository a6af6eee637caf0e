package server

import "sync"

// budget bounds the bytes of requests that are being read or not yet answered, on all connections.
//
// A request takes its bytes in steps, as they arrive, so waiting for each step could stop all connections with half a request
// each. Therefore one request may go beyond the limit, and another only once all are within it again: the bound is the limit and one request.
type budget struct {
	limit int64

	mu      sync.Mutex
	used    int64
	over    *claim        // who may go beyond the limit
	changed chan struct{} // closed when bytes come back; nil if nobody waits
}

// claim is the part of the budget of one request.
type claim struct {
	budget *budget
	bytes  int64
}

// take adds n bytes to the claim, waiting for them until the connection or the server ends; it returns false then.
func (c *claim) take(n int64, closed, stopping <-chan struct{}) bool {
	for {
		wait := c.try(n)
		if wait == nil {
			return true
		}
		select {
		case <-wait:
		case <-closed:
			return false
		case <-stopping:
			return false
		}
	}
}

// try takes n bytes, or returns what to wait for.
func (c *claim) try(n int64) <-chan struct{} {
	b := c.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.used+n > b.limit && b.used > 0 && !c.mayExceed() {
		if b.changed == nil {
			b.changed = make(chan struct{})
		}
		return b.changed
	}
	b.used += n
	c.bytes += n
	return nil
}

// mayExceed lets one request that has begun finish at any rate.
func (c *claim) mayExceed() bool {
	if c.bytes > 0 && c.budget.over == nil {
		c.budget.over = c
	}
	return c.budget.over == c
}

// giveBack returns all bytes of the claim.
func (c *claim) giveBack() {
	b := c.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used -= c.bytes
	c.bytes = 0
	if b.over == c || b.used <= b.limit {
		b.over = nil
	}
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
}

// inUse returns the bytes taken.
func (b *budget) inUse() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}

// underWay is how many bytes are taken.
func (b *budget) underWay() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}
