//go:build !linux

package badger

import "os"

// forget reports whether the kernel forgot what it holds in memory of a file: there is no way to tell.
func forget(*os.File) bool { return false }
