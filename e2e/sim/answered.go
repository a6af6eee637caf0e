package sim

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// longest is how long a request may be under way once everything is healed and quiet: no timeout
// and no session of a client lasts as long.
const longest = 60 * time.Second

// allAnswered waits until no process owes an answer any more. What is owed holds its share of the
// node's memory, and whoever waits for it waits for ever.
func (w *World) allAnswered() {
	for until := w.now.plus(longest); !w.over && w.owed() != nil && w.now < until; {
		w.run(w.now.plus(time.Second))
	}
	if o := w.owed(); o != nil && !w.over {
		w.violate(Answered, "%s was asked %s (version %d) at %s, and there is no answer", o.by.name(), kmsg.NameForKey(o.what.Key()), o.what.GetVersion(), time.Duration(o.since))
	}
}

// owing is a request that a process has not answered.
type owing struct {
	asked
	by *process
}

// owed is the oldest request that is not answered, nil if there is none.
func (w *World) owed() (oldest *owing) {
	for _, m := range w.up() {
		for _, a := range m.process.pending {
			if oldest == nil || a.since < oldest.since {
				oldest = &owing{a, m.process}
			}
		}
	}
	return oldest
}
