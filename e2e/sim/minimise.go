package sim

import (
	"slices"
	"time"
)

// Minimise leaves out of a failing run what it also fails without: faults and clients, many at once
// first, then fewer. It stops when nothing can be left out any more or after a number of tries, and
// returns the options of the smallest run found and its report, with the story.
func Minimise(o Options, failed Report, tries int) (Options, Report) {
	m := minimiser{options: o, want: failed.Violations[0].Invariant, tries: tries}
	m.parts = failed.parts()
	m.drop(failed.later(o))
	for size := len(m.parts) / 2; size > 0 && m.tries > 0; {
		if !m.pass(size) || size > len(m.parts) {
			size /= 2
		}
	}
	m.options.Story = true
	return m.options, Run(m.options)
}

type minimiser struct {
	options Options
	want    Invariant
	parts   []int // that may be left out and are not yet
	tries   int
}

// parts are the numbers of everything in the plan that can be left out.
func (r Report) parts() []int {
	var all []int
	for _, f := range r.Plan {
		all = append(all, f.Number)
	}
	for i := range r.Clients {
		all = append(all, -1-i)
	}
	return all
}

// later are the faults that began after the violation: they cannot have to do with it.
func (r Report) later(o Options) []int {
	var late []int
	for _, f := range r.Plan {
		if f.At > r.Simulated {
			late = append(late, f.Number)
		}
	}
	return late
}

// pass tries to leave out every run of so many parts once; true if any could be.
func (m *minimiser) pass(size int) bool {
	any := false
	for at := 0; at < len(m.parts) && m.tries > 0; {
		if m.drop(slices.Clone(m.parts[at:min(at+size, len(m.parts))])) {
			any = true
		} else {
			at += size
		}
	}
	return any
}

// drop leaves parts out if the run fails in the same way without them.
func (m *minimiser) drop(parts []int) bool {
	if len(parts) == 0 {
		return false
	}
	m.tries--
	o := m.options
	o.Without = append(slices.Clone(o.Without), parts...)
	r := Run(o)
	if len(r.Violations) == 0 || r.Violations[0].Invariant != m.want {
		return false
	}
	m.options = o
	m.parts = slices.DeleteFunc(m.parts, func(p int) bool { return slices.Contains(parts, p) })
	return true
}

// Rate is how many simulated hours a wall-clock minute brings.
func Rate(simulated, took time.Duration) float64 {
	if took <= 0 {
		return 0
	}
	return simulated.Hours() / took.Minutes()
}
