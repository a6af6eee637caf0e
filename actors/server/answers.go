package server

import (
	"sync"
	"sync/atomic"

	"github.com/troupe-mq/troupe/actors/ledger"
)

// answers bounds the memory of answers that are large by the client's choice: they are made, and
// the client has not taken them yet.
//
// An answer gets at most a quarter of what is free, so that something is left for clients that take
// theirs however many do not. Those of a connection are made in the order of its requests, each
// when the one before is being written: what lies behind an answer that nobody takes is not made.
type answers struct {
	limit  int64
	ledger *ledger.Ledger
	used   atomic.Int64 // written with mu held

	mu    sync.Mutex
	freed chan struct{} // closed when memory comes back; nil if nobody waits
}

// answerCopies is how often the bytes of an answer are in memory at once: gathered, and encoded.
// leastAnswer is the smallest answer worth to be made if a larger one is wanted.
const (
	answerCopies = 2
	leastAnswer  = 64 << 10
)

// line is how far a connection's answers have got.
type line struct {
	written atomic.Uint64 // answers that are being written, or were
	waits   atomic.Bool   // somebody waits for moved
	// closed after another one; nil if nobody waits. Guarded by the mutex of answers
	moved chan struct{}
}

// ration is the part of one answer.
type ration struct {
	of     *answers // nil: there is no bound
	line   *line
	number uint64 // of the answer in its line
	bytes  int64
}

// ask reserves memory for an answer of so many bytes, or fewer if there is less, and returns how
// many. For 0 it is to ask again after later was closed.
func (r *ration) ask(want int) (granted int, later <-chan struct{}) {
	if r.of == nil {
		return want, nil
	}
	a := r.of
	a.mu.Lock()
	defer a.mu.Unlock()
	if r.line.waits.Store(true); r.number != r.line.written.Load() { // in this order: see turn
		return 0, opened(&r.line.moved)
	}
	used := a.used.Load()
	n := min(int64(want)*answerCopies, max((a.limit-used)/4, 0))
	if n < min(int64(want), leastAnswer)*answerCopies && used > 0 {
		return 0, opened(&a.freed)
	}
	n = max(n, answerCopies)
	r.add(n)
	return int(n / answerCopies), nil
}

// opened returns a channel that is open, a new one if there is none.
func opened(c *chan struct{}) <-chan struct{} {
	if *c == nil {
		*c = make(chan struct{})
	}
	return *c
}

// wake closes a channel that somebody waits for.
func wake(c *chan struct{}) {
	if *c != nil {
		close(*c)
		*c = nil
	}
}

// took tells how large the answer has become: more than it was granted if not even the least would
// fit. The rest is given back.
func (r *ration) took(bytes int) {
	if r.of == nil {
		return
	}
	r.of.mu.Lock()
	defer r.of.mu.Unlock()
	r.add(int64(bytes)*answerCopies - r.bytes)
}

// turn tells that the answer is about to be written, so that the next one may be made.
func (r *ration) turn() {
	if r.line.written.Add(1); !r.line.waits.Load() {
		return
	}
	r.of.mu.Lock()
	defer r.of.mu.Unlock()
	r.line.waits.Store(false)
	wake(&r.line.moved)
}

// leave tells that the answer is sent, or will never be.
func (r *ration) leave() {
	if r.bytes != 0 {
		r.took(0)
	}
}

// add changes the ration. The caller holds of.mu.
func (r *ration) add(n int64) {
	r.bytes += n
	r.of.used.Add(n)
	r.of.ledger.Take(ledger.AnswerBytes, n)
	if n < 0 {
		wake(&r.of.freed)
	}
}

// scarce reports whether most of the memory for answers is taken.
func (a *answers) scarce() bool { return a.used.Load() > a.limit/2 }

// Room reserves memory for an answer of up to want bytes and returns how large it may be. 0 means
// that it is not this answer's turn yet, or that clients have not taken too much of what was made
// for them: it is to be tried again after later was closed, or the answer to be made without what
// is large. It is called before Resolve, and again for another try.
func (p *Pending) Room(want int) (granted int, later <-chan struct{}) { return p.ration.ask(want) }

// Took tells how many bytes of the room are used.
func (p *Pending) Took(bytes int) { p.ration.took(bytes) }
