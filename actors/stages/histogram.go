package stages

import (
	"math/bits"
	"sync/atomic"
)

// Buckets of a histogram: values below subBuckets have one each; above, every power of two is cut
// into subBuckets of equal width, so that no bucket is wider than a sixteenth of its values.
const (
	subBits    = 4
	subBuckets = 1 << subBits
	bucketsAll = (64 - subBits) * subBuckets // of values from 0 to 2^63-1
)

// Histogram counts values from 0 up: ns, bytes or numbers. The zero value is empty. Safe for any
// number of goroutines, without locks; all methods of a nil histogram do nothing.
type Histogram struct {
	sum     atomic.Uint64
	buckets [bucketsAll]atomic.Uint64
}

// Record counts a value; a negative one counts as 0.
func (h *Histogram) Record(v int64) {
	if h == nil {
		return
	}
	v = max(v, 0)
	h.sum.Add(uint64(v))
	h.buckets[bucketOf(uint64(v))].Add(1)
}

// bucketOf returns the bucket of a value.
func bucketOf(v uint64) int {
	if v < subBuckets {
		return int(v)
	}
	shift := bits.Len64(v) - 1 - subBits
	return shift<<subBits + int(v>>shift)
}

// top returns the largest value of a bucket.
func top(bucket int) int64 {
	if bucket < 2*subBuckets {
		return int64(bucket)
	}
	shift := bucket>>subBits - 1
	return int64(uint64(bucket&(subBuckets-1)|subBuckets)+1)<<shift - 1
}

// Read returns what the histogram holds. Values recorded meanwhile may be in it or not.
func (h *Histogram) Read() Counts {
	var c Counts
	if h == nil {
		return c
	}
	for i := range h.buckets {
		if n := h.buckets[i].Load(); n > 0 {
			c.Buckets = append(c.Buckets, Bucket{top(i), n})
			c.Count += n
		}
	}
	c.Sum = h.sum.Load()
	return c
}
