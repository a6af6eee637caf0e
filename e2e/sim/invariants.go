package sim

import "fmt"

// Invariant is something that always holds; docs/invariants.md has them in full.
type Invariant struct {
	Number int // in docs/invariants.md, 0 for what the simulator wants beyond it
	Name   string
	Text   string
}

// The invariants, and which of them each check belongs to.
var (
	Kept         = Invariant{1, "Kept", "an acknowledged record is never lost, reordered, or duplicated for an idempotent producer"}
	DurableFirst = Invariant{2, "DurableFirst", "nothing is committed or answered before entries and hard state are durable on a majority"}
	NeverBack    = Invariant{3, "NeverBack", "the high watermark and the last stable offset never go back"}
	SameBytes    = Invariant{4, "SameBytes", "replicas of a shard hold identical bytes at every committed index"}
	OneLeader    = Invariant{5, "OneLeader", "one leader per shard and term"}
	Forgetful    = Invariant{6, "Forgetful", "a replica that lost any part of its durable state neither votes nor acknowledges"}
	FreshIDs     = Invariant{7, "FreshIDs", "shard ids and replica ids are never given out again"}
	OneCluster   = Invariant{8, "OneCluster", "there is one cluster"}
	Retriable    = Invariant{9, "Retriable", "what fails for want of a disk or a leader can be tried again"}
	Answered     = Invariant{0, "Answered", "every request has an answer in the end, or its connection"}
	GivenBack    = Invariant{11, "GivenBack", "whatever is taken for a request is given back"}
	NoSurprise   = Invariant{0, "NoSurprise", "no process panics or gives up unless its disk was tampered with"}
	Converges    = Invariant{0, "Converges", "when everything is healed, everything works again"}
)

// Invariants are all of them, in order.
var Invariants = []Invariant{Kept, DurableFirst, NeverBack, SameBytes, OneLeader, Forgetful, FreshIDs, OneCluster, Retriable, Answered, GivenBack, NoSurprise, Converges}

// Violation is an invariant that did not hold.
type Violation struct {
	Invariant Invariant
	At        string // virtual time
	Text      string
}

func (v Violation) String() string {
	return fmt.Sprintf("%s at %s: %s", v.Invariant.Name, v.At, v.Text)
}

// violate notes a violation. The world ends with the first one.
func (w *World) violate(i Invariant, format string, a ...any) {
	if w.over {
		return
	}
	v := Violation{i, fmt.Sprint(w.now.time().Sub(began)), fmt.Sprintf(format, a...)}
	w.violations = append(w.violations, v)
	w.note(w.clients, "VIOLATION of %s (%s): %s", i.Name, i.Text, v.Text)
	w.over = true
}
