package actors

import (
	"context"
	"sync/atomic"
	"testing"
	"time"
)

func TestWait(t *testing.T) {
	var r Goroutines
	closed, token, never := make(chan struct{}), make(chan struct{}, 1), make(chan struct{})
	close(closed)
	token <- struct{}{}
	if got := r.Wait(Forever, never, closed); got != 1 {
		t.Errorf("a closed channel: %d", got)
	}
	if got := r.Wait(Forever, token, nil, never); got != 0 {
		t.Errorf("a token: %d", got)
	}
	if got := r.Wait(time.Millisecond, token, nil, never); got != -1 {
		t.Errorf("the token was not taken: %d", got)
	}
	ctx, cancel := r.Timeout(context.Background(), time.Millisecond)
	defer cancel()
	if got := r.Wait(Forever, never, ctx.Done()); got != 1 {
		t.Errorf("a context that ends: %d", got)
	}
}

func TestEveryEndsWithItsStop(t *testing.T) {
	stop, calls := make(chan struct{}), 0
	Every(Goroutines{}, time.Now(), time.Millisecond, stop, func(time.Time) {
		if calls++; calls == 3 {
			close(stop)
		}
	})
	if calls != 3 {
		t.Errorf("%d calls, want 3", calls)
	}
}

func TestWhatHasTheSameOriginFallsDueTogether(t *testing.T) {
	origin := time.Now()
	for _, c := range []struct{ passed, d, want time.Duration }{
		{0, 100, 100}, {1, 100, 99}, {99, 100, 1}, {100, 100, 100}, {130, 100, 70}, {130, 500, 370}, {1730, 100, 70}, {1730, 500, 270}, {5, 0, 1},
	} {
		if got := UntilDue(origin.Add(c.passed*time.Millisecond), origin, c.d*time.Millisecond); got != c.want*time.Millisecond {
			t.Errorf("%d ms after the origin the next of every %d ms is due in %v, want %d ms", c.passed, c.d, got, c.want)
		}
	}
}

func TestTogetherWaitsForAll(t *testing.T) {
	met := make(chan struct{})
	done := 0
	Together(Goroutines{},
		func() { met <- struct{}{} },
		func() { <-met; done++ },
	)
	Together(Goroutines{})
	if done != 1 {
		t.Error("it did not wait")
	}
}

// One at a time has a turn, and gets it while others wait for it.
func TestTurn(t *testing.T) {
	turn, in := NewTurn(), atomic.Int32{}
	var all []func()
	for range 8 {
		all = append(all, func() {
			turn.Enter(Goroutines{})
			defer turn.Leave()
			if in.Add(1) != 1 {
				t.Error("two have the turn")
			}
			in.Add(-1)
		})
	}
	Together(Goroutines{}, all...)
}
