package hostile

import "golang.org/x/sys/unix"

// limitFiles bounds how many files a process may have open.
func limitFiles(pid, most int) error {
	return unix.Prlimit(pid, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: uint64(most), Max: uint64(most)}, nil)
}
