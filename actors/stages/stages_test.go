package stages

import (
	"encoding/json"
	"math"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

func TestBucketsHoldTheirValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := uint64(rapid.Int64Range(0, math.MaxInt64).Draw(t, "value")) >> rapid.IntRange(0, 62).Draw(t, "shift")
		b := bucketOf(v)
		if b < 0 || b >= bucketsAll {
			t.Fatalf("value %d is in bucket %d of %d", v, b, bucketsAll)
		}
		if hi := uint64(top(b)); hi < v || hi-v > v/subBuckets {
			t.Fatalf("value %d is in a bucket up to %d", v, hi)
		}
		if b > 0 && uint64(top(b-1)) >= v {
			t.Fatalf("value %d fits into the bucket before, up to %d", v, top(b-1))
		}
	})
}

func TestLargestValue(t *testing.T) {
	if b := bucketOf(math.MaxInt64); b != bucketsAll-1 || top(b) != math.MaxInt64 {
		t.Fatalf("the largest value is in bucket %d of %d, up to %d", b, bucketsAll, top(b))
	}
}

func TestQuantilesAreThoseOfTheSortedValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Int64Range(0, 1<<40), 1, 200).Draw(t, "values")
		q := rapid.Float64Range(0, 1).Draw(t, "q")
		var h Histogram
		for _, v := range values {
			h.Record(v)
		}
		slices.Sort(values)
		want := values[max(int(math.Ceil(q*float64(len(values)))), 1)-1]
		if got := h.Read().Quantile(q); got < want || got-want > want/subBuckets {
			t.Fatalf("quantile %g of %v is %d, want %d or a sixteenth more", q, values, got, want)
		}
	})
}

func TestWhatHappenedInBetween(t *testing.T) {
	var h Histogram
	h.Record(5)
	h.Record(1000)
	before := h.Read()
	h.Record(1000)
	h.Record(7)
	d := h.Read().Since(before)
	if d.Count != 2 || d.Sum != 1007 || d.Mean() != 503.5 {
		t.Fatalf("since then: %+v", d)
	}
	if d.Quantile(0.5) != 7 || d.Quantile(1) < 1000 {
		t.Fatalf("half lie at %d, all at %d", d.Quantile(0.5), d.Quantile(1))
	}
}

func TestNodesAddUp(t *testing.T) {
	var a, b Clock
	a.Sync.Record(3)
	b.Sync.Record(900)
	b.Queue.Record(1)
	sum := a.Read().Plus(b.Read())
	if c := sum["sync"]; c.Count != 2 || c.Sum != 903 || c.Quantile(0) != 3 {
		t.Fatalf("sync: %+v", c)
	}
	if c := sum["queue"]; c.Count != 1 {
		t.Fatalf("queue: %+v", c)
	}
}

func TestReadingsTravelAsJSON(t *testing.T) {
	var c Clock
	c.Apply.Record(123_456)
	text, err := json.Marshal(c.Read())
	if err != nil {
		t.Fatal(err)
	}
	var back Reading
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if got, want := back["apply"], c.Apply.Read(); got.Count != 1 || !slices.Equal(got.Buckets, want.Buckets) || got.Sum != want.Sum {
		t.Fatalf("%+v came back as %+v", want, got)
	}
}

func TestNegativeAndNil(t *testing.T) {
	var h Histogram
	h.Record(-5) // clocks of two goroutines
	if c := h.Read(); c.Count != 1 || c.Sum != 0 || c.Quantile(1) != 0 {
		t.Fatalf("a negative value: %+v", c)
	}
	var none *Histogram
	none.Record(1)
	var clock *Clock
	if none.Read().Count != 0 || len(clock.Read()) != 0 {
		t.Fatal("nil holds something")
	}
	if (Counts{}).Quantile(0.5) != 0 || (Counts{}).Mean() != 0 {
		t.Fatal("nothing has a quantile")
	}
}

func TestNothingIsLostBetweenGoroutines(t *testing.T) {
	var h Histogram
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 1000 {
				h.Record(int64(g * i))
			}
		})
	}
	all.Wait()
	if c := h.Read(); c.Count != 8000 || c.Sum != 28*999*500 {
		t.Fatalf("count %d, sum %d", c.Count, c.Sum)
	}
}

func BenchmarkRecord(b *testing.B) {
	var h Histogram
	b.RunParallel(func(p *testing.PB) {
		for i := int64(0); p.Next(); i++ {
			h.Record(i << 8)
		}
	})
}

func BenchmarkNow(b *testing.B) {
	for b.Loop() {
		Now()
	}
}
