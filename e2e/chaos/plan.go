package chaos

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Fault is one thing that is broken for a while.
type Fault struct {
	Kind     string
	Nodes    []int
	At       time.Duration // from the start of its round
	For      time.Duration
	Strength float64         // from 0 to 1: how much is lost, how late it is
	beats    []time.Duration // of those that come and go: when, from At on
	on       bool            // of those that come and go: it is there now
}

// String tells all of it.
func (f Fault) String() string {
	return fmt.Sprintf("%s %s at %s for %s", f.Kind, strings.Trim(fmt.Sprint(f.Nodes), "[]"), f.At.Round(time.Millisecond), f.For.Round(time.Millisecond))
}

// Round is a list of faults that overlap. When the last is over everything must recover.
type Round []Fault

// String tells the faults.
func (r Round) String() string {
	parts := make([]string, len(r))
	for i, f := range r {
		parts[i] = f.String()
	}
	return strings.Join(parts, "; ")
}

// Plan makes rounds. The same seed, number of nodes and kinds make the same rounds.
type Plan struct {
	Seed  uint64
	Nodes int
	Kinds []string
}

// Singles are rounds of one fault each, every kind once. number tells the lists of a run apart.
func (p Plan) Singles(number int) (rounds []Round) {
	r := p.random(number)
	for _, i := range r.Perm(len(p.Kinds)) {
		rounds = append(rounds, Round{p.fault(r, p.Kinds[i], 0)})
	}
	return rounds
}

// Mixed are n rounds of up to so many faults at once.
func (p Plan) Mixed(number, n, atOnce int) (rounds []Round) {
	r := p.random(number)
	for range n {
		var round Round
		for range 1 + r.IntN(atOnce) {
			round = append(round, p.fault(r, p.Kinds[r.IntN(len(p.Kinds))], span(r, 0, 3*time.Second)))
		}
		rounds = append(rounds, round)
	}
	return rounds
}

// PowerLosses are n rounds in which all nodes lose power at once, at a random moment.
func (p Plan) PowerLosses(number, n int) (rounds []Round) {
	r := p.random(number)
	for range n {
		f := p.fault(r, "power", span(r, 0, 3*time.Second))
		f.Nodes, f.For = all(r, p.Nodes), span(r, 0, time.Second)
		rounds = append(rounds, Round{f})
	}
	return rounds
}

func (p Plan) random(number int) *rand.Rand { return rand.New(rand.NewPCG(p.Seed, uint64(number))) }

func (p Plan) fault(r *rand.Rand, name string, at time.Duration) Fault {
	k, err := kindOf(name)
	if err != nil {
		panic(err) // names are checked where they come in
	}
	f := Fault{Kind: name, Nodes: k.pick(r, p.Nodes), At: at, For: span(r, k.least, k.most), Strength: r.Float64()}
	if k.beat > 0 {
		for next := span(r, k.beat/4, k.beat); next < f.For; next += span(r, k.beat/4, k.beat) {
			f.beats = append(f.beats, next)
		}
	}
	return f
}

func span(r *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(r.Int64N(int64(most-least)))
}

// what is done to a fault at a moment.
type what int

const (
	begin  what = iota
	change      // of a fault that comes and goes
	end
)

// event is a moment of a round.
type event struct {
	at    time.Duration
	fault int // in the round
	what  what
}

// timeline is the round as events in the order of time.
func (r Round) timeline() (events []event) {
	for i, f := range r {
		events = append(events, event{f.At, i, begin})
		for _, b := range f.beats {
			events = append(events, event{f.At + b, i, change})
		}
		events = append(events, event{f.At + f.For, i, end})
	}
	slices.SortStableFunc(events, func(a, b event) int { return cmp.Compare(a.at, b.at) })
	return events
}
