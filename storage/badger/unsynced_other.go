//go:build !linux

package badger

import "os"

// forget reports whether the kernel forgot what it holds in memory of a file: there is no way to
// tell.
func forget(*os.File) bool { return false }

// inMemory reports whether a directory is on a file system that has no disk: it is not known here.
func inMemory(string) bool { return false }
