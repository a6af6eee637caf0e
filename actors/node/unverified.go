package node

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/troupe-mq/troupe/raft/metadata"
)

// A node answers nobody whom it has not seen to be a member of its cluster: another cluster's node,
// or a program that speaks the nodes' protocol, must neither learn anything nor change leaderships,
// the metadata or a log. Open to all are the questions by which a node is recognised, and lets
// itself be let in.

const (
	mostWaiting      = 256      // questions of one node that wait for it to be verified
	mostWaitingBytes = 16 << 20 // of all of them together: one question may be that large
	longestWaiting   = 30 * time.Second
)

var (
	errUnverified = errors.New("this node has not seen yet that the asking one belongs to its cluster: ask again")
	errUnlinked   = errors.New("the asking node went away before it was verified")
)

// asked is a question that waits.
type asked struct {
	kind  string
	body  []byte
	reply func([]byte, error)
	since time.Time
}

// waitingRoom holds the questions of nodes that are being verified, each node's in the order they
// came. Every one of them is answered, refused when there is no room, or failed when the link of
// its node goes down or it has waited for too long: a foreign node may stay linked for ever. Safe
// for any goroutine.
type waitingRoom struct {
	mu    sync.Mutex
	of    map[metadata.NodeID][]asked
	bytes int
}

// add takes a question in; false if there is no room.
func (w *waitingRoom) add(from metadata.NodeID, q asked) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.of[from]) >= mostWaiting || w.bytes+len(q.body) > mostWaitingBytes {
		return false
	}
	if w.of == nil {
		w.of = make(map[metadata.NodeID][]asked)
	}
	w.of[from] = append(w.of[from], q)
	w.bytes += len(q.body)
	return true
}

// leave returns the questions of a node, which wait no more.
func (w *waitingRoom) leave(from metadata.NodeID) []asked {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.of[from]
	delete(w.of, from)
	for _, q := range all {
		w.bytes -= len(q.body)
	}
	return all
}

// stale returns the questions that wait since before a moment, which wait no more.
func (w *waitingRoom) stale(before time.Time) (all []asked) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, from := range slices.Sorted(maps.Keys(w.of)) { // in order: a simulated run repeats
		waiting := w.of[from]
		fresh := slices.IndexFunc(waiting, func(q asked) bool { return !q.since.Before(before) })
		if fresh < 0 {
			fresh = len(waiting)
		}
		for _, q := range waiting[:fresh] {
			w.bytes -= len(q.body)
		}
		all = append(all, waiting[:fresh]...)
		if w.of[from] = waiting[fresh:]; len(w.of[from]) == 0 {
			delete(w.of, from)
		}
	}
	return all
}

// failStale fails what has waited for too long.
func (n *Node) failStale() {
	for _, q := range n.unverified.stale(n.here.Now().Add(-longestWaiting)) {
		q.reply(nil, errUnverified)
	}
}

// Ask implements remote.Receiver.
func (r receiver) Ask(from metadata.NodeID, kind string, body []byte, reply func([]byte, error)) {
	if r.n.questions.Open(kind) || r.n.verified.Has(from) {
		r.n.questions.Answer(from, kind, body, reply)
		return
	}
	if !r.n.unverified.add(from, asked{kind, bytes.Clone(body), reply, r.n.here.Now()}) {
		reply(nil, errUnverified)
		return
	}
	r.n.verify(from)
	if r.n.verified.Has(from) { // by now: what verified it may have seen the room empty
		r.answerWaiting(from)
	}
}

// answerWaiting answers what a node asked before it was verified.
func (r receiver) answerWaiting(from metadata.NodeID) {
	for _, q := range r.n.unverified.leave(from) {
		r.n.questions.Answer(from, q.kind, q.body, q.reply)
	}
}

// failWaiting fails what a node asked that is not linked any more.
func (r receiver) failWaiting(from metadata.NodeID) {
	for _, q := range r.n.unverified.leave(from) {
		q.reply(nil, errUnlinked)
	}
}
