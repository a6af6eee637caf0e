package badger

import (
	"testing"

	"pgregory.net/rapid"
)

// TestAScaleIsAboutRight compares a scale with the sizes of all entries of a log that grows, is
// truncated, and is trimmed: it stays small, is exact where all entries are of one size, and else
// never further off than a part of the longest log and an entry.
func TestAScaleIsAboutRight(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		largest := rapid.SampledFrom([]int64{0, 100, 5000, 200_000}).Draw(t, "largest entry")
		same := rapid.Bool().Draw(t, "all of one size")
		var s scale
		var sizes []int64
		start, whole := uint64(0), int64(0)
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			last := start + uint64(len(sizes))
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0: // the end is replaced
				keep := rapid.IntRange(0, len(sizes)).Draw(t, "kept")
				sizes = sizes[:keep]
			case 1:
				trim := rapid.IntRange(0, len(sizes)).Draw(t, "trimmed")
				start, sizes = start+uint64(trim), sizes[trim:]
				s.forget(start)
			case 2: // a snapshot
				start, sizes = last+uint64(rapid.IntRange(0, 5).Draw(t, "ahead")), nil
				s.forget(start)
			}
			for range rapid.IntRange(1, 300).Draw(t, "more") {
				n := largest
				if !same {
					n = rapid.Int64Range(0, largest).Draw(t, "size")
				}
				sizes = append(sizes, n)
				s.add(start+uint64(len(sizes)), n)
			}
			want := int64(0)
			for _, n := range sizes {
				want += n
			}
			whole = max(whole, want)
			off := s.between(start, start+uint64(len(sizes))) - want
			most := int64(0)
			if !same {
				most = max(scaleStep, whole/(scaleMarks/2)) + largest
			}
			if off < -most-1 || off > most+1 || len(s.marks) > scaleMarks {
				t.Fatalf("off by %d of %d bytes, at most %d is right; %d marks", off, want, most, len(s.marks))
			}
		}
	})
}
