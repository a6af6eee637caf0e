package operate

import "sync"

// proposals bounds the commands that were given to this node's replica of __meta and have no
// outcome yet. Their clients stop waiting when their time is up, and what they asked for stays: as
// long as the disk stands still, each would leave its commands behind.
type proposals struct {
	mu    sync.Mutex
	bytes int64
	most  int64
}

// proposalBytes is what a command takes beside its own bytes.
const proposalBytes = 1 << 10

// take reports whether there is room for a command of so many bytes, which is then taken. One
// command has room whatever its size.
func (p *proposals) take(size int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := int64(size) + proposalBytes
	if p.bytes > 0 && p.bytes+n > p.most {
		return false
	}
	p.bytes += n
	return true
}

// give tells that a command that was taken has its outcome.
func (p *proposals) give(size int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bytes -= int64(size) + proposalBytes
}
