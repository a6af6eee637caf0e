package main

import "github.com/troupe-mq/troupe/e2e/program"

// host stands in for a test: e2e/cluster wants one to hang its processes on.
type host = program.Host

// guarded runs f with a host and cleans up behind it, whatever happened.
func guarded(f func(*host) error) error { return program.Guarded("bench", f) }

// say tells whoever watches how the work goes.
func say(format string, args ...any) { program.Say(format, args...) }
