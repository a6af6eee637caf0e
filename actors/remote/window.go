package remote

import "sync"

// window bounds the bytes under way to a peer on one lane. A session is one life of the connection: what was under way when it
// ended is lost, and counts no more.
type window struct {
	mu      sync.Mutex
	limit   int
	session uint64
	sent    int64 // in this session
	acked   int64 // of them
}

// take reserves n bytes; false if they do not fit. Something larger than the window fits alone.
func (w *window) take(n int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if under := w.sent - w.acked; under > 0 && under+int64(n) > int64(w.limit) {
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

// credit takes the peer's word that it has received so many bytes in a session.
func (w *window) credit(session uint64, bytes int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if session == w.session && bytes > w.acked && bytes <= w.sent {
		w.acked = bytes
	}
}

// reset begins another session.
func (w *window) reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.session++
	w.sent, w.acked = 0, 0
}

// inbox counts what was received from a peer on one lane, to give it credit. It is owned by the receiving link.
type inbox struct {
	session  uint64
	received int64
	told     int64
}

// add counts a frame and tells whether credit should be sent now.
func (i *inbox) add(session uint64, n int, limit int) bool {
	if session != i.session {
		*i = inbox{session: session}
	}
	i.received += int64(n)
	if i.received-i.told < int64(limit/8) {
		return false
	}
	i.told = i.received
	return true
}
