package badger

import (
	"os"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// inMemory reports whether a directory is on a file system that has no disk.
func inMemory(dir string) bool {
	var s unix.Statfs_t
	return unix.Statfs(dir, &s) == nil && (s.Type == unix.TMPFS_MAGIC || s.Type == unix.RAMFS_MAGIC)
}

// forget has the kernel forget what it holds in memory of a file that is synced, and reports
// whether it did.
func forget(f *os.File) bool {
	info, err := f.Stat()
	if err != nil {
		return false
	}
	if info.Size() == 0 {
		return true
	}
	if unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED) != nil {
		return false
	}
	m, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return false
	}
	defer func() { _ = unix.Munmap(m) }()
	// pages are larger on some machines, and fewer then
	resident := make([]byte, (len(m)+pageBytes-1)/pageBytes)
	_, _, errno := unix.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(&m[0])), uintptr(len(m)), uintptr(unsafe.Pointer(&resident[0])))
	return errno == 0 && !slices.ContainsFunc(resident, func(page byte) bool { return page&1 != 0 })
}
