package history

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Violation is a promise that was not kept.
type Violation struct {
	Kind string // one of the names in the package comment
	Text string
}

// Error makes a Violation an error.
func (v Violation) Error() string { return v.Kind + ": " + v.Text }

// Check compares the history with the final log, which holds every record of every partition that
// was sent to, read from its first offset to its end after everything was over. It returns every
// violation, an empty list if there is none.
func Check(h History, final []Seen) []Violation {
	c := checker{history: h, final: slices.Clone(final)}
	slices.SortFunc(c.final, func(a, b Seen) int {
		return cmp.Or(cmp.Compare(a.Partition.String(), b.Partition.String()), cmp.Compare(a.Offset, b.Offset))
	})
	c.offsets()
	c.sends()
	c.log()
	c.order()
	c.minority()
	for _, p := range slices.SortedFunc(maps.Keys(h.Watermarks), func(a, b Partition) int { return cmp.Compare(a.String(), b.String()) }) {
		c.forward("HighWatermark", p.String(), h.Watermarks[p], h.Watermarks[p])
	}
	for key, reads := range h.Reads {
		name := fmt.Sprintf("group %s, %s", key.Group, key.Partition)
		c.forward("Committed", name, append(slices.Clone(h.Commits[key]), reads...), reads)
	}
	return c.found
}

type place struct {
	partition Partition
	offset    int64
}

type checker struct {
	history History
	final   []Seen // by partition and offset
	at      map[place]string
	found   []Violation
}

func (c *checker) violation(kind, format string, a ...any) {
	c.found = append(c.found, Violation{kind, fmt.Sprintf(format, a...)})
}

// offsets: every place has one value, in the final log, in what consumers saw and in
// acknowledgements.
func (c *checker) offsets() {
	c.at = make(map[place]string, len(c.final))
	for _, s := range c.final {
		where := place{s.Partition, s.Offset}
		if before, ok := c.at[where]; ok {
			c.violation("Reused", "%s offset %d was read twice in the final log: %q and %q", s.Partition, s.Offset, before, s.Value)
		}
		c.at[where] = s.Value
	}
	for _, s := range c.history.Seen {
		switch now, ok := c.at[place{s.Partition, s.Offset}]; {
		case !ok:
			c.violation("Lost", "%s offset %d: a consumer saw %q, the final log has nothing there", s.Partition, s.Offset, s.Value)
		case now != s.Value:
			c.violation("Reused", "%s offset %d: a consumer saw %q, the final log has %q", s.Partition, s.Offset, s.Value, now)
		}
	}
}

// sends: what was acknowledged is where it was acknowledged.
func (c *checker) sends() {
	acked := map[place]string{}
	for _, s := range c.history.Sends {
		if s.Outcome != Acked {
			continue
		}
		where := place{s.Partition, s.Offset}
		if other, ok := acked[where]; ok {
			c.violation("Reused", "%s offset %d was acknowledged for %q and for %q", s.Partition, s.Offset, other, s.Value)
		}
		acked[where] = s.Value
		switch now, ok := c.at[where]; {
		case !ok:
			c.violation("Lost", "%s offset %d: %q was acknowledged, the final log has nothing there", s.Partition, s.Offset, s.Value)
		case now != s.Value:
			c.violation("Lost", "%s offset %d: %q was acknowledged, the final log has %q", s.Partition, s.Offset, s.Value, now)
		}
	}
}

// log: everything in it was sent there, was not refused, and is there once if its producer is
// idempotent.
func (c *checker) log() {
	sent := make(map[string]Send, len(c.history.Sends))
	for _, s := range c.history.Sends {
		sent[s.Value] = s
	}
	first := map[string]Seen{}
	for _, s := range c.final {
		send, ok := sent[s.Value]
		switch {
		case !ok:
			c.violation("Invented", "%s offset %d holds %q, which nobody sent", s.Partition, s.Offset, s.Value)
			continue
		case send.Partition != s.Partition:
			c.violation("Invented", "%s offset %d holds %q, which was sent to %s", s.Partition, s.Offset, s.Value, send.Partition)
		case send.Outcome == Refused:
			c.violation("Invented", "%s offset %d holds %q, which was refused", s.Partition, s.Offset, s.Value)
		}
		if before, ok := first[s.Value]; ok && send.Idempotent {
			c.violation("Duplicated", "%s offsets %d and %d both hold %q of idempotent producer %s", s.Partition, before.Offset, s.Offset, s.Value, send.Producer)
		} else if !ok {
			first[s.Value] = s
		}
	}
}

// order: of every idempotent producer, what is in a partition is there in the order it was sent in.
// A plain producer may see its retries overtaken, as with Kafka when more than one of its requests
// is in flight.
func (c *checker) order() {
	type stream struct {
		producer  string
		partition Partition
	}
	rank, count := map[string]int{}, map[stream]int{}
	by := map[string]Send{}
	for _, s := range c.history.Sends {
		k := stream{s.Producer, s.Partition}
		count[k]++
		rank[s.Value], by[s.Value] = count[k], s
	}
	last := map[stream]Seen{}
	for _, s := range c.final {
		send, ok := by[s.Value]
		if !ok || !send.Idempotent {
			continue
		}
		k := stream{send.Producer, s.Partition}
		if before, ok := last[k]; ok && rank[before.Value] > rank[s.Value] {
			c.violation("Reordered", "%s: %q at offset %d comes before %q at offset %d; producer %s sent them the other way round",
				s.Partition, before.Value, before.Offset, s.Value, s.Offset, send.Producer)
		}
		last[k] = s
	}
}

// minority: what was sent to a node after it had lost its majority is not acknowledged before it
// got it back.
func (c *checker) minority() {
	for _, cut := range c.history.Cuts {
		for _, s := range c.history.Sends {
			if s.Outcome == Acked && (cut.Node == 0 || cut.Node == s.Node) && !s.Invoked.Before(cut.From) && !s.Returned.After(cut.To) {
				c.violation("Minority", "%s: %q was sent at %s and acknowledged at %s, when node %d had no majority (0: no node)",
					s.Partition, s.Value, s.Invoked.Format(clock), s.Returned.Format(clock), cut.Node)
			}
		}
	}
}

// forward: no question is answered with less than any answer that had come in before it was asked.
// A leader that does not know yet that it is deposed knows less than its successor, so answers
// count up to the epoch of the question's.
func (c *checker) forward(kind, name string, answers, questions []Answer) {
	byReturn := slices.SortedFunc(slices.Values(answers), func(a, b Answer) int { return a.Returned.Compare(b.Returned) })
	asked := slices.SortedFunc(slices.Values(questions), func(a, b Answer) int { return a.Invoked.Compare(b.Invoked) })
	best, next := map[int32]Answer{}, 0 // by epoch
	for _, q := range asked {
		for ; next < len(byReturn) && byReturn[next].Returned.Before(q.Invoked); next++ {
			if a := byReturn[next]; a.Offset > best[a.Epoch].Offset {
				best[a.Epoch] = a
			}
		}
		if best := highest(best, q.Epoch); q.Offset < best.Offset {
			c.violation(kind, "%s went back: %d was known at %s, %d was told to a question of %s",
				name, best.Offset, best.Returned.Format(clock), q.Offset, q.Invoked.Format(clock))
		}
	}
}

// highest is the highest answer of an epoch up to the given one; -1 if there is none, which is also
// how a group without an offset is told.
func highest(answers map[int32]Answer, upto int32) Answer {
	best := Answer{Offset: -1}
	for epoch, a := range answers {
		if epoch <= upto && a.Offset > best.Offset {
			best = a
		}
	}
	return best
}

const clock = "15:04:05.000000"

// Gap is the longest time in which nothing was acknowledged although something had been sent, and
// when it began.
func (h History) Gap() (longest time.Duration, from time.Time) {
	type step struct {
		at    time.Time
		delta int
	}
	var steps []step
	for _, s := range h.Sends {
		steps = append(steps, step{s.Invoked, 1})
		if s.Outcome == Acked {
			steps = append(steps, step{s.Returned, -1})
		}
	}
	slices.SortFunc(steps, func(a, b step) int { return a.at.Compare(b.at) })
	// of the last acknowledgement, or of the first record sent after nothing was outstanding
	var since time.Time
	outstanding := 0
	for _, s := range steps {
		if s.delta > 0 {
			if outstanding == 0 {
				since = s.at
			}
			outstanding++
			continue
		}
		if d := s.at.Sub(since); d > longest {
			longest, from = d, since
		}
		outstanding--
		since = s.at
	}
	return longest, from
}
