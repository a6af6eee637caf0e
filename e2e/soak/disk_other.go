//go:build !linux

package main

import (
	"io/fs"
	"path/filepath"
)

// diskBytes is the length of the files below a directory.
func diskBytes(dir string) (n int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			if info, err := d.Info(); err == nil {
				n += info.Size()
			}
		}
		return nil
	})
	return n
}

// writtenBytes is not told here.
func writtenBytes(int) int64 { return 0 }
