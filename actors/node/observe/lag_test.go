package observe

import "testing"

// Records that were trimmed are no lag: nobody can read them any more.
func TestLagBeginsAtTheLogsStart(t *testing.T) {
	for _, test := range []struct{ start, end, committed, want int64 }{
		{0, 10, 4, 6}, {7, 10, 4, 3}, {10, 10, 4, 0}, {0, 10, 12, 0}, {0, 10, 10, 0},
	} {
		if got := (end{Known: true, Start: test.start, End: test.end}).lag(test.committed); got != test.want {
			t.Errorf("%+v: %d", test, got)
		}
	}
}
