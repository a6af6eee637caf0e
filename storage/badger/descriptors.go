package badger

import (
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// Badger keeps every file of the store open, and must be able to open more at any time: it ends the
// process if it cannot begin a log, and, worse, leaves a table out without a word if it cannot
// create it amid a compaction (Badger 4.9.6, levels.go, subcompact: the error is taken before it is
// set). So a store that runs out of descriptors says that it has no room, as it does on a full
// disk: writes are refused until there are some again, and reads go on.
const (
	keptDescriptors = 48   // for the files of a flush and of two compactions, and the reads of a start
	fewDescriptors  = 1024 // beyond the store's files: with less there is a warning
)

// descriptorLimit is how many descriptors the process may have; 0 if that is not known or without
// an end. Go raises the limit to the highest that the system allows when a process starts.
func descriptorLimit() int {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil || uint64(l.Cur) > 1<<30 {
		return 0
	}
	return int(l.Cur)
}

// descriptorsLow reports whether the process is about to run out of descriptors. The system gives
// out the smallest that is free, so a new one tells how many are in use at least.
func descriptorsLow() bool {
	limit := descriptorLimit()
	if limit == 0 {
		return false
	}
	d, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return err == unix.EMFILE
	}
	_ = unix.Close(d)
	return d >= limit-min(keptDescriptors, limit/4)
}

// warnDescriptors tells of a limit that leaves little beside the files that the store keeps open.
func (o *Options) warnDescriptors() {
	limit := descriptorLimit()
	files, _ := filepath.Glob(filepath.Join(o.Dir, "*.*")) // fails only for a bad pattern
	if limit > 0 && limit < len(files)+fewDescriptors {
		o.Logger.Warn("the process may open few files: raise the limit (ulimit -n, LimitNOFILE), or clients are turned away and writes refused as the store grows",
			"limit", limit, "store", len(files))
	}
}
