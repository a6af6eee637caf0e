package sim

import (
	"time"

	"github.com/troupe-mq/troupe/actors"
)

// instant is a moment of the virtual clock, in ns since the world began.
type instant int64

// began is what the virtual clock shows when a world begins.
var began = time.Unix(1_700_000_000, 0).UTC()

func (t instant) time() time.Time { return began.Add(time.Duration(t)) }

func (t instant) plus(d time.Duration) instant { return t + instant(max(d, 0)) }

// event is something to be done at a moment, on behalf of a process. What a process that died had
// in mind is not done.
type event struct {
	at   instant
	seq  uint64 // of two at one moment the one asked for first comes first
	on   *process
	do   func()
	stop *timer // nil if it cannot be stopped
}

// timer stops an event.
type timer struct{ stopped, done bool }

// Stop implements actors.Timer.
func (t *timer) Stop() bool {
	was := !t.stopped && !t.done
	t.stopped = true
	return was
}

var _ actors.Timer = (*timer)(nil)

// agenda is what is to come, a heap of four children a node.
type agenda struct {
	events []event
	seq    uint64
}

func (a *agenda) add(e event) {
	a.seq++
	e.seq = a.seq
	a.events = append(a.events, e)
	for i := len(a.events) - 1; i > 0; {
		parent := (i - 1) / 4
		if !a.before(i, parent) {
			return
		}
		a.events[i], a.events[parent] = a.events[parent], a.events[i]
		i = parent
	}
}

func (a *agenda) before(i, j int) bool {
	x, y := &a.events[i], &a.events[j]
	return x.at < y.at || x.at == y.at && x.seq < y.seq
}

// next takes the earliest event out.
func (a *agenda) next() event {
	first := a.events[0]
	last := len(a.events) - 1
	a.events[0] = a.events[last]
	a.events[last] = event{}
	a.events = a.events[:last]
	a.sink()
	return first
}

func (a *agenda) sink() {
	for i := 0; ; {
		least := i
		for c := 4*i + 1; c <= 4*i+4 && c < len(a.events); c++ {
			if a.before(c, least) {
				least = c
			}
		}
		if least == i {
			return
		}
		a.events[i], a.events[least] = a.events[least], a.events[i]
		i = least
	}
}
