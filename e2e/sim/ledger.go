package sim

import (
	"fmt"
	"time"
)

// givenBack sees that nothing is in flight once every request is answered: what is, was taken and
// forgotten.
func (w *World) givenBack() {
	for until := w.now.plus(longest); !w.over && w.inFlight() != "" && w.now < until; {
		w.run(w.now.plus(time.Second))
	}
	if open := w.inFlight(); open != "" && !w.over {
		w.violate(GivenBack, "%s, though no request is unanswered", open)
	}
}

// inFlight tells what the first node that has something in flight has, empty if none has.
func (w *World) inFlight() string {
	if w.owed() != nil {
		return "" // clients go on as long as the world does
	}
	for _, m := range w.up() {
		if m.process.node == nil {
			continue
		}
		if open := m.process.node.Ledger().Read().Open(); open != "" {
			return fmt.Sprintf("%s has in flight %s", m.name(), open)
		}
	}
	return ""
}
