//go:build linux

package hosts

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// syncs are the system calls that bring data to a disk.
var syncs = []uint32{unix.SYS_FSYNC, unix.SYS_FDATASYNC, unix.SYS_MSYNC, unix.SYS_SYNC_FILE_RANGE, unix.SYS_SYNCFS, unix.SYS_SYNC}

// Lie makes the host one whose disk lies: from now on every sync of a process that is started there
// does nothing and tells that it did. It cannot be undone. What such a host has acknowledged a
// power loss takes, and a test that does not notice has no teeth.
func (h *Host) Lie() error {
	// the system call's number
	filter := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}}
	for i, call := range syncs {
		filter = append(filter, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: call, Jt: uint8(len(syncs) - i)})
	}
	filter = append(filter,
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
		// no error, and no call
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO},
	)
	return h.Do(func() error { // processes inherit the filter of the thread that starts them
		program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
		if err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0); err != nil {
			return fmt.Errorf("a filter of system calls: %w", err)
		}
		return nil
	})
}
