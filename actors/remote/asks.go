package remote

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/troupe-mq/troupe/actors/stages"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// maxAsk is the largest question or answer.
const maxAsk = 16 << 20

// ErrStopped is returned for a question that is open when the links stop.
var ErrStopped = errors.New("remote: the links are stopping")

// asks are the questions of this node that wait for an answer.
type asks struct {
	mu     sync.Mutex
	last   uint64
	open   map[uint64]waiting
	closed bool
}

// waiting is a question that waits for its answer.
type waiting struct {
	to     metadata.NodeID
	answer chan answer // room for one
}

type answer struct {
	body []byte
	err  error
}

func (a *asks) init() { a.open = make(map[uint64]waiting) }

// begin opens a question.
func (a *asks) begin(to metadata.NodeID) (uint64, chan answer, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return 0, nil, ErrStopped
	}
	a.last++
	ch := make(chan answer, 1)
	a.open[a.last] = waiting{to, ch}
	return a.last, ch, nil
}

func (a *asks) end(id uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.open, id)
}

// answer takes the body of an answer frame. One to a question that is not open any more, or that
// another node was asked, is dropped.
func (a *asks) answer(from metadata.NodeID, b []byte) error {
	if len(b) < 9 {
		return errFrame
	}
	got := answer{body: b[9:]}
	if b[8] != 0 {
		got = answer{err: &RemoteError{string(b[9:])}}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	id := binary.BigEndian.Uint64(b)
	if w, ok := a.open[id]; ok && (w.to == from || w.to == anyone) {
		delete(a.open, id)
		w.answer <- got
	}
	return nil
}

// fail ends the questions to a node whose link went down: an answer would not come.
func (a *asks) fail(to metadata.NodeID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for id, w := range a.open {
		if w.to == to {
			delete(a.open, id)
			w.answer <- answer{err: fmt.Errorf("remote: the link to node %d was lost before its answer came; it may have acted on the question", to)}
		}
	}
}

func (a *asks) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	for id, w := range a.open {
		delete(a.open, id)
		w.answer <- answer{err: ErrStopped}
	}
}

// Ask implements Links.
func (r *Remotes) Ask(ctx context.Context, to metadata.NodeID, kind string, body []byte) ([]byte, error) {
	p := r.peer(to)
	if p == nil {
		return nil, fmt.Errorf("remote: node %d is not known here", to)
	}
	begin := stages.Now()
	answer, err := r.ask(ctx, p, kind, body)
	p.meter.asked(kind, begin, err)
	return answer, err
}

func (r *Remotes) ask(ctx context.Context, p *peer, kind string, body []byte) ([]byte, error) {
	to := p.id
	if len(body) > maxAsk {
		return nil, fmt.Errorf("remote: a question of %d bytes is too long: at most %d", len(body), maxAsk)
	}
	id, ch, err := r.asks.begin(to)
	if err != nil {
		return nil, err
	}
	defer r.asks.end(id)
	if !p.up.Load() { // after begin: either this sees the link down, or fail sees the question
		return nil, errUnreachable(to)
	}
	b := r.frame(frameAsk, control, to).begin(len(body) + 64)
	p.out[control].Send(question{id, kind, r.advertised.Control, body}.appendTo(b))
	return await(ctx, to, kind, ch)
}

// anyone is addressed where only the address of a node is known.
const anyone metadata.NodeID = -1

// AskAt implements Links.
func (r *Remotes) AskAt(ctx context.Context, address, kind string, body []byte) ([]byte, error) {
	if len(body) > maxAsk {
		return nil, fmt.Errorf("remote: a question of %d bytes is too long: at most %d", len(body), maxAsk)
	}
	id, ch, err := r.asks.begin(anyone)
	if err != nil {
		return nil, err
	}
	defer r.asks.end(id)
	b := r.frame(frameAsk, control, anyone).begin(len(body) + 64)
	r.reply(address, question{id, kind, r.advertised.Control, body}.appendTo(b))
	select {
	case got := <-ch:
		return got.body, got.err
	case <-ctx.Done():
		return nil, fmt.Errorf("remote: no node answered %q at %s: %w", kind, address, ctx.Err())
	}
}

func errUnreachable(to metadata.NodeID) error {
	return fmt.Errorf("remote: node %d cannot be reached now: ask again when it is linked", to)
}

func await(ctx context.Context, to metadata.NodeID, kind string, ch chan answer) ([]byte, error) {
	select {
	case got := <-ch:
		return got.body, got.err
	case <-ctx.Done():
		return nil, fmt.Errorf("remote: node %d did not answer %q: %w", to, kind, ctx.Err())
	}
}

// appendAnswer writes the body of an answer frame.
func appendAnswer(b []byte, id uint64, body []byte, err error) []byte {
	b = binary.BigEndian.AppendUint64(b, id)
	if err != nil {
		return append(append(b, 1), err.Error()...)
	}
	return append(append(b, 0), body...)
}

// asked hands a question to the receiver and sends its answer back.
func (r *Remotes) asked(f frame) error {
	q, err := parseQuestion(f.body)
	if err != nil {
		return err
	}
	r.receiver.Ask(f.from, q.kind, q.body, func(body []byte, err error) {
		b := r.frame(frameAnswer, control, f.from).begin(len(body) + 64)
		r.reply(q.back, appendAnswer(b, q.id, body, err))
	})
	return nil
}
