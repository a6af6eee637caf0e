package main

import (
	"time"

	"golang.org/x/sys/unix"
)

// await waits until a time. Go's timers of an idle process are as coarse as a millisecond, as long
// as what is measured; the kernel's are not.
func await(at time.Time) {
	for left := time.Until(at); left > 0; left = time.Until(at) {
		t := unix.NsecToTimespec(int64(left))
		_ = unix.Nanosleep(&t, nil) // interrupted or not: the loop looks at the clock
	}
}
