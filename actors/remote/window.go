package remote

import (
	"math/rand/v2"
	"sync"
)

// creditEvery is after how many received bytes a peer is given credit. It is the same on every
// node, whatever its windows are.
const creditEvery = 256 << 10

// minWindow is the smallest window: with less, credit would come too late.
const minWindow = 4 * creditEvery

// largestFrame is the most bytes of one frame: with it in a message are others, of up to half a
// window, and what says where each begins.
const largestFrame = maxMessage - 64<<20

// window bounds the bytes under way to a peer on one lane. A session is one life of the connection:
// what was under way when it ended is lost, and counts no more.
//
//	acked <= sent; sent - acked is under way, or received and not yet worth a credit
type window struct {
	mu      sync.Mutex
	limit   int
	session uint64
	sent    int64 // in this session
	acked   int64 // of them
}

// open begins the first session, under a number that no earlier life of this process has used: the
// peer may still count those.
func (w *window) open(limit int) { w.limit, w.session = max(limit, minWindow), rand.Uint64() }

// take reserves n bytes; false if they do not fit. What is larger than half of the window, or than
// all of it, goes through once no more than half is under way: it would otherwise wait for ever
// while smaller messages keep coming, and a partition whose entry it is would stand still. Nothing
// else is let through then until that much has arrived.
//
// What no message can hold is never let through: gRPC would end the connection over it, and all
// that is under way with it.
func (w *window) take(n int) bool {
	if n > largestFrame {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if under := w.sent - w.acked; under > int64(w.limit)/2 && under+int64(n) > int64(w.limit) {
		return false
	}
	w.sent += int64(n)
	return true
}

// now returns the session that a frame belongs to.
func (w *window) now() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.session
}

// credit takes the peer's word that it has received so many bytes in a session. They can be more
// than were sent in it: what waited to be packed when a session began was counted in the one
// before.
func (w *window) credit(session uint64, bytes int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if session == w.session {
		w.acked = max(w.acked, min(bytes, w.sent))
	}
}

// underWay is how many bytes were sent and not acknowledged.
func (w *window) underWay() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sent - w.acked
}

// reset begins another session.
func (w *window) reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.session++
	w.sent, w.acked = 0, 0
}

// inbox counts what was received from a peer on one lane, to give it credit. It is owned by the
// receiving link.
type inbox struct {
	session  uint64
	received int64
	told     int64
}

// manySessions is more than any link goes through while a frame is on its way.
const manySessions = 1 << 20

// open reports whether frames of a session are still taken, and begins one that is not of the
// recent past. The sessions of a peer's next life begin anywhere.
func (i *inbox) open(session uint64) bool {
	if before := i.session - session; before > 0 && before < manySessions {
		return false
	}
	if session != i.session {
		*i = inbox{session: session}
	}
	return true
}

// add counts a frame and reports whether credit should be sent now.
func (i *inbox) add(n int) bool {
	i.received += int64(n)
	if i.received-i.told < creditEvery {
		return false
	}
	i.told = i.received
	return true
}
