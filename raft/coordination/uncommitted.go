package coordination

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Uncommitted is what a core has decided and the log does not hold for certain, and the answers
// that rest on it. A core embeds one. The zero value is ready for use.
type Uncommitted struct {
	writes   []*Write          // in order
	taken    int               // how many of them the owner has, at most len(writes)
	open     map[string]*Write // the last of writes of each key
	readOnly bool
}

// held is what is done once a write is committed, or is known to fail.
type held struct {
	done   func(now int64)
	refuse func(*kerr.Error)
}

// add has a write appended that was applied.
func (u *Uncommitted) add(w *Write) {
	if u.open == nil {
		u.open = make(map[string]*Write)
	}
	u.writes, u.open[w.key] = append(u.writes, w), w
}

// TakeWrites implements Core.
func (u *Uncommitted) TakeWrites() []*Write {
	w := u.writes[u.taken:]
	u.taken = len(u.writes)
	return w
}

// Committed implements Core.
func (u *Uncommitted) Committed(now int64, n int) {
	if n > u.taken {
		panic("coordination: more writes are committed than were taken")
	}
	done := u.writes[:n]
	u.writes, u.taken = slices.Clone(u.writes[n:]), u.taken-n
	for _, w := range done {
		if u.open[w.key] == w {
			delete(u.open, w.key)
		}
		for _, h := range w.waiting {
			h.done(now)
		}
	}
}

// ReadOnly implements Core.
func (u *Uncommitted) ReadOnly(on bool) { u.readOnly = on }

// Writable reports whether the log takes writes.
func (u *Uncommitted) Writable() bool { return !u.readOnly }

// Abandon refuses every answer that is held. It is the first half of Core.Abandon: what the core
// itself has wait comes after it, and leaves at once.
func (u *Uncommitted) Abandon(cause *kerr.Error) {
	writes := u.writes
	u.writes, u.taken, u.open = nil, 0, nil
	for _, w := range writes {
		for _, h := range w.waiting {
			h.refuse(cause)
		}
	}
}

// When calls done with nil once everything is committed that was decided about a key until now, or
// with the error that its client is to be told. At once if nothing is open.
func (u *Uncommitted) When(key string, done func(*kerr.Error)) { u.open[key].when(done) }

// WhenAll is When for all keys.
func (u *Uncommitted) WhenAll(done func(*kerr.Error)) {
	var last *Write
	if n := len(u.writes); n > 0 {
		last = u.writes[n-1]
	}
	last.when(done)
}

// when calls done when the write is committed or failed, at once for nil.
func (w *Write) when(done func(*kerr.Error)) {
	if w == nil {
		done(nil)
		return
	}
	w.waiting = append(w.waiting, held{func(int64) { done(nil) }, done})
}

// Held returns a reply that leaves once all is committed that it rests on; refusal makes the answer
// if it never is.
func (u *Uncommitted) Held(key string, reply Reply, refusal func(*kerr.Error) kmsg.Response) Reply {
	return func(r kmsg.Response) {
		u.When(key, func(err *kerr.Error) {
			if err != nil {
				r = refusal(err)
			}
			reply(r)
		})
	}
}

// OnCommit reports whether something about a key is not committed. done is called then, and only
// then, when all of it is.
func (u *Uncommitted) OnCommit(key string, done func(now int64)) bool {
	w := u.open[key]
	if w != nil {
		w.waiting = append(w.waiting, held{done, func(*kerr.Error) {}})
	}
	return w != nil
}
