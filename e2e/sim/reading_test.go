package sim

import (
	"testing"
	"time"
)

// TestReading holds what is known of time.Time's insides against what Go makes of it.
func TestReading(t *testing.T) {
	before := reading(began, time.Hour)
	// the clock was set back by a minute and a second
	after := reading(began.Add(-time.Minute+time.Nanosecond), time.Hour+time.Second)
	if got := after.Sub(before); got != time.Second {
		t.Errorf("%s lie between two readings, want the second of the monotonic clock", got)
	}
	if !before.Before(after) || !before.Add(2*time.Second).After(after) {
		t.Error("comparisons do not go by the monotonic clock")
	}
	if got := after.UnixNano() - before.UnixNano(); got != 1-time.Minute.Nanoseconds() {
		t.Errorf("the clock on the wall went by %d ns", got)
	}
	if got := after.Round(0).Sub(before.Round(0)); got != 1-time.Minute {
		t.Errorf("without the monotonic clock %s lie between two readings", got)
	}
}
