package e2e

import (
	"fmt"
	"io/fs"
	"syscall"
)

// mountSmall mounts a file system of so many MiB in memory.
func mountSmall(dir string, mib int) error {
	return syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm,mode=755", mib))
}

func unmount(dir string) error { return syscall.Unmount(dir, syscall.MNT_DETACH) }

// blocks is what a file takes of the disk.
func blocks(info fs.FileInfo) int64 { return info.Sys().(*syscall.Stat_t).Blocks * 512 }
