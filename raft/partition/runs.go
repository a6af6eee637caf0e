package partition

import "sort"

// minRun is how many entries of kept records in a row are worth a jump; maxRuns how many jumps are
// remembered.
const (
	minRun  = 8
	maxRuns = 256
)

// Run is a row of entries [From, To] that hold nothing but kept records.
type Run struct{ From, To uint64 }

// runs are rows of entries that whoever reads the log's records in order of index may jump over. It
// is for speed alone.
type runs struct {
	closed []Run // long enough, in order. Never changed in place
	open   Run   // From 0: none
}

// kept takes note of an entry of kept records.
func (r *runs) kept(index uint64) {
	if r.open.From == 0 || r.open.To+1 != index {
		r.open.From = index
	}
	r.open.To = index
	if r.open.To-r.open.From+1 < minRun {
		return
	}
	n := len(r.closed)
	if n > 0 && r.closed[n-1].From == r.open.From {
		n--
	}
	r.closed = append(r.closed[:n:n], r.open)
	if len(r.closed) > maxRuns {
		r.closed = r.closed[1:]
	}
}

// drop forgets rows of which nothing is needed.
func (r *runs) drop(reclaimable uint64) {
	for len(r.closed) > 0 && r.closed[0].To <= reclaimable {
		r.closed = r.closed[1:]
	}
}

// Runs are rows of entries without records of producers, in order. Never changed in place.
func (p *Partition) Runs() []Run { return p.cleaned.runs.closed }

// Jump returns the first index from which on entries are not in one of the rows.
func Jump(runs []Run, index uint64) uint64 {
	i := sort.Search(len(runs), func(i int) bool { return runs[i].To >= index })
	if i < len(runs) && runs[i].From <= index {
		return runs[i].To + 1
	}
	return index
}
