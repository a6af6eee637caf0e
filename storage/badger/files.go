package badger

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/troupe-mq/troupe/storage"
)

// newest returns the last of the files of a kind, by name, which is by age.
func newest(dir, pattern string) string {
	files, _ := filepath.Glob(filepath.Join(dir, pattern)) // fails only for a bad pattern
	if len(files) == 0 {
		return ""
	}
	return files[len(files)-1]
}

// sizeOf returns what the files of a kind occupy. Badger's files are sparse: their length says little.
func sizeOf(dir, pattern string) (n int64) {
	files, _ := filepath.Glob(filepath.Join(dir, pattern))
	for _, f := range files {
		var stat unix.Stat_t
		if unix.Stat(f, &stat) == nil { // it may be gone meanwhile
			n += stat.Blocks * 512
		}
	}
	return n
}

// valueLogs returns the lengths of the value-log files by number.
func valueLogs(dir string) map[uint32]int64 {
	lengths := make(map[uint32]int64)
	files, _ := filepath.Glob(filepath.Join(dir, "*.vlog"))
	for _, f := range files {
		if info, err := os.Stat(f); err == nil {
			lengths[fileNumber(f)] = info.Size()
		}
	}
	return lengths
}

// fileNumber returns N of ".../N.ext".
func fileNumber(path string) (n uint32) {
	for _, c := range filepath.Base(path) {
		if c < '0' || c > '9' {
			break
		}
		n = 10*n + uint32(c-'0')
	}
	return n
}

// Usage implements storage.Store.
func (s *Store) Usage() (u storage.Usage) {
	u.Disk = sizeOf(s.options.Dir, "*") - sizeOf(s.options.Dir, ballastName)
	u.Free = s.Room().Free
	return u
}

// Room implements storage.Store.
func (s *Store) Room() storage.Room { return roomOf(s.options.Dir) }

func roomOf(dir string) (r storage.Room) {
	var fs unix.Statfs_t
	if unix.Statfs(dir, &fs) == nil {
		r.Free, r.Total = int64(fs.Bavail)*int64(fs.Bsize), int64(fs.Blocks)*int64(fs.Bsize)
	}
	return r
}
