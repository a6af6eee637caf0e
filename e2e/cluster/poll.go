package cluster

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// pollEvery is short enough for assertions about one second and long enough to cost two cores
// nothing.
const pollEvery = 25 * time.Millisecond

// Eventually calls check until it returns nil, and fails the test with check's last error when
// limit has passed. The context of a call ends with the limit.
func Eventually(t testing.TB, limit time.Duration, what string, check func(context.Context) error) {
	t.Helper()
	if err := poll(limit, check); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// poll is Eventually for those who are not on the test's goroutine.
func poll(limit time.Duration, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	var last error
	for {
		if err := check(ctx); err == nil {
			return nil
		} else if last == nil || ctx.Err() == nil {
			last = err // an error of an ended context says less than the one before
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not within %s: %w", limit, last)
		case <-tick.C:
		}
	}
}

// Holds fails the test when check returns an error at any time within the duration.
func Holds(t testing.TB, duration time.Duration, what string, check func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), duration)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		if err := check(ctx); err != nil && ctx.Err() == nil {
			t.Fatalf("%s: %v", what, err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
