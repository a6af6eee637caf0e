package main

import (
	"errors"
	"fmt"
	"os"
	"testing"
)

// host stands in for a test: e2e/cluster wants one to hang its processes on. What fails ends the program's work by a panic that guarded
// makes an error of.
type host struct {
	testing.TB // for the methods that nobody calls here
	cleanups   []func()
	failed     bool
}

// failure is what a host panics with.
type failure struct{ error }

// guarded runs f with a host and cleans up behind it, whatever happened.
func guarded(f func(*host) error) (err error) {
	h := &host{}
	defer func() {
		if e := h.clean(); err == nil {
			err = e
		}
	}()
	return h.try(func() error { return f(h) })
}

// try makes an error of a failure.
func (h *host) try(f func() error) (err error) {
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
func (h *host) clean() error {
	var errs []error
	for len(h.cleanups) > 0 {
		last := h.cleanups[len(h.cleanups)-1]
		h.cleanups = h.cleanups[:len(h.cleanups)-1]
		errs = append(errs, h.try(func() error { last(); return nil }))
	}
	return errors.Join(errs...)
}

// Helper and what follows are the methods of testing.TB that e2e/cluster uses.
func (h *host) Helper()          {}
func (h *host) Name() string     { return "bench" }
func (h *host) Failed() bool     { return h.failed }
func (h *host) Cleanup(f func()) { h.cleanups = append(h.cleanups, f) }

func (h *host) Logf(format string, args ...any) { say(format, args...) }

func (h *host) Errorf(format string, args ...any) {
	h.failed = true
	say(format, args...)
}

func (h *host) Fatalf(format string, args ...any) {
	h.failed = true
	panic(failure{fmt.Errorf(format, args...)})
}

func (h *host) Fatal(args ...any) { h.Fatalf("%s", fmt.Sprint(args...)) }

// say tells whoever watches how the work goes.
func say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
