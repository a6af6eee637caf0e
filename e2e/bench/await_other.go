//go:build !linux

package main

import "time"

// await waits until a time, as exactly as Go's timers are.
func await(at time.Time) { <-time.After(time.Until(at)) }
