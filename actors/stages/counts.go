package stages

import (
	"cmp"
	"math"
	"slices"
)

// Bucket is how many values lie above the bucket before and not above Top.
type Bucket struct {
	Top   int64  `json:"top"`
	Count uint64 `json:"count"`
}

// Counts is what a histogram held at one moment, or a difference or sum of such. Buckets ascend and
// are not empty. Immutable.
type Counts struct {
	Count   uint64   `json:"count"`
	Sum     uint64   `json:"sum"` // of the values themselves
	Buckets []Bucket `json:"buckets,omitempty"`
}

// Since returns what was counted since an earlier moment of the same histogram.
func (c Counts) Since(before Counts) Counts {
	return c.with(before, c.Sum-before.Sum, func(a, b uint64) uint64 { return a - b })
}

// Plus returns what two histograms hold together.
func (c Counts) Plus(other Counts) Counts {
	return c.with(other, c.Sum+other.Sum, func(a, b uint64) uint64 { return a + b })
}

func (c Counts) with(other Counts, sum uint64, of func(a, b uint64) uint64) Counts {
	counts := make(map[int64]uint64, len(c.Buckets))
	for _, b := range c.Buckets {
		counts[b.Top] = b.Count
	}
	for _, b := range other.Buckets {
		counts[b.Top] = of(counts[b.Top], b.Count)
	}
	out := Counts{Sum: sum}
	for top, n := range counts {
		if n > 0 {
			out.Buckets = append(out.Buckets, Bucket{top, n})
			out.Count += n
		}
	}
	slices.SortFunc(out.Buckets, func(a, b Bucket) int { return cmp.Compare(a.Top, b.Top) })
	return out
}

// Mean is the mean of the values, 0 if there are none.
func (c Counts) Mean() float64 {
	if c.Count == 0 {
		return 0
	}
	return float64(c.Sum) / float64(c.Count)
}

// Quantile returns a value that the share q (0 to 1) of all values does not exceed: at most a
// sixteenth too much. 0 if there are none.
func (c Counts) Quantile(q float64) int64 {
	rank := max(uint64(math.Ceil(q*float64(c.Count))), 1)
	for _, b := range c.Buckets {
		if rank <= b.Count {
			return b.Top
		}
		rank -= b.Count
	}
	return 0
}
