// Package program runs what asks for a test, as e2e/cluster does to hang its processes on, from a
// program that is none.
package program

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

// Host stands in for a test. What fails ends the program's work by a panic that Guarded makes an
// error of.
type Host struct {
	testing.TB // for the methods that nobody calls here
	name       string
	cleanups   []func()
	failed     bool
}

// failure is what a Host panics with.
type failure struct{ error }

var errFailed = errors.New("it failed, as told above")

// Guarded runs f with a Host and cleans up behind it, whatever happened. It is an error if anything
// was.
func Guarded(name string, f func(*Host) error) (err error) {
	h := &Host{name: name}
	defer func() {
		if e := h.clean(); err == nil {
			err = e
		}
		if err == nil && h.failed {
			err = errFailed
		}
	}()
	return h.try(func() error { return f(h) })
}

// try makes an error of a failure.
func (h *Host) try(f func() error) (err error) {
	defer func() {
		switch cause := recover().(type) {
		case nil:
			h.failed = h.failed || err != nil
		case failure:
			err = cause.error
		default:
			panic(cause)
		}
	}()
	return f()
}

// clean runs what was registered, last first, each even if another failed.
func (h *Host) clean() error {
	var errs []error
	for len(h.cleanups) > 0 {
		last := h.cleanups[len(h.cleanups)-1]
		h.cleanups = h.cleanups[:len(h.cleanups)-1]
		errs = append(errs, h.try(func() error { last(); return nil }))
	}
	return errors.Join(errs...)
}

// Helper and what follows are the methods of testing.TB that the packages of e2e use.
func (h *Host) Helper()          {}
func (h *Host) Name() string     { return h.name }
func (h *Host) Failed() bool     { return h.failed }
func (h *Host) Cleanup(f func()) { h.cleanups = append(h.cleanups, f) }

// Logf is Say.
func (h *Host) Logf(format string, args ...any) { Say(format, args...) }

// Log is Say.
func (h *Host) Log(args ...any) { Say("%s", line(args)) }

// Errorf tells what failed, and goes on.
func (h *Host) Errorf(format string, args ...any) {
	h.failed = true
	Say(format, args...)
}

// Error is Errorf.
func (h *Host) Error(args ...any) { h.Errorf("%s", line(args)) }

// Fatalf ends the program's work.
func (h *Host) Fatalf(format string, args ...any) {
	h.failed = true
	panic(failure{fmt.Errorf(format, args...)})
}

// Fatal is Fatalf.
func (h *Host) Fatal(args ...any) { h.Fatalf("%s", line(args)) }

// FailNow is Fatalf after something was told.
func (h *Host) FailNow() {
	h.failed = true
	panic(failure{errFailed})
}

func line(args []any) string { return strings.TrimSuffix(fmt.Sprintln(args...), "\n") }

// Say tells whoever watches how the work goes.
func Say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
