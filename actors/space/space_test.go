package space

import "testing"

func TestNext(t *testing.T) {
	const gib = 1 << 30
	defaults := Watermarks{FreeBytes: 2 * gib, FreePercent: 5}
	for _, c := range []struct {
		name        string
		marks       Watermarks
		before      Level
		free, total int64
		want        Level
	}{
		{"an empty disk", defaults, Ample, 90 * gib, 100 * gib, Ample},
		{"five percent are more than 2 GiB", defaults, Ample, 5*gib - 1, 100 * gib, Low},
		{"just enough", defaults, Ample, 5 * gib, 100 * gib, Ample},
		{"2 GiB are more than five percent", defaults, Ample, 2*gib - 1, 10 * gib, Low},
		{"half of the mark", defaults, Ample, gib - 1, 10 * gib, Full},
		{"more is on its way than is free", defaults, Ample, -gib, 10 * gib, Full},
		{"low does not end at the mark", defaults, Low, 2 * gib, 10 * gib, Low},
		{"low ends a quarter above", defaults, Low, 2*gib + gib/2, 10 * gib, Ample},
		{"full does not end at its mark", defaults, Full, gib, 10 * gib, Full},
		{"full becomes low", defaults, Full, gib + gib/4, 10 * gib, Low},
		{"full ends for good", defaults, Full, 3 * gib, 10 * gib, Ample},
		{"nothing is known", defaults, Low, 0, 0, Ample},
		{"nothing is watched", Watermarks{}, Full, 0, 10 * gib, Ample},
		{"bytes alone", Watermarks{FreeBytes: gib}, Ample, gib - 1, 1000 * gib, Low},
		{"percent alone", Watermarks{FreePercent: 10}, Ample, 9, 100, Low},
	} {
		if got := c.marks.Next(c.before, c.free, c.total); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// Whatever the space does, a level is never left for the better and entered again without a quarter
// of its mark in between.
func TestLevelsDoNotFlap(t *testing.T) {
	w := Watermarks{FreeBytes: 1000}
	for mark, level := range map[int64]Level{1000: Low, 500: Full} {
		at, changes := Ample, 0
		for i := range int64(100) {
			free := mark - 1 + i%2*(mark/4) // between just below the mark and not quite a quarter above
			if next := w.Next(at, free, 10_000); next != at {
				at = next
				changes++
			}
		}
		if at != level || changes != 1 {
			t.Errorf("around %d bytes: %v after %d changes, want %v after one", mark, at, changes, level)
		}
	}
}
