package partition

import (
	"cmp"
	"slices"
)

// ProducerState is what is remembered of an idempotent producer, as those who look at producers see
// it.
type ProducerState struct {
	ID            int64
	Epoch         int16
	LastSequence  int32
	LastTimestamp int64 // the largest of its newest batch, ms since the epoch
}

// Remembered returns what is remembered of each idempotent producer by what is applied, in order of
// id.
func (p *Partition) Remembered() []ProducerState {
	all := make([]ProducerState, 0, len(p.producers))
	for id, known := range p.producers {
		newest := known.newest()
		all = append(all, ProducerState{id, known.epoch, newest.last, newest.time})
	}
	slices.SortFunc(all, func(a, b ProducerState) int { return cmp.Compare(a.ID, b.ID) })
	return all
}
