//go:build unix

package server

import (
	"math"
	"syscall"
)

// descriptorLimit is how many descriptors the process may have, 0 if that is not known or without
// an end.
func descriptorLimit() int {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil || uint64(l.Cur) > math.MaxInt32 {
		return 0
	}
	return int(l.Cur)
}
