package badger

import (
	"encoding/binary"
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

// sizeOf returns what the files of a kind occupy. Badger's files are sparse: their length says
// little.
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

// discards returns how much of each value-log file Badger knows to be dead, from the file in which
// it keeps that: pairs of a file's number and bytes, up to a pair of zeros. A file that is gone is
// not in it.
func discards(dir string) map[uint32]uint64 {
	lengths, dead := valueLogs(dir), make(map[uint32]uint64)
	b, err := os.ReadFile(filepath.Join(dir, "DISCARD"))
	for ; err == nil && len(b) >= 16; b = b[16:] {
		file, n := uint32(binary.BigEndian.Uint64(b)), binary.BigEndian.Uint64(b[8:])
		if file == 0 {
			break
		}
		if length, ok := lengths[file]; ok {
			dead[file] = min(n, uint64(length))
		}
	}
	return dead
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
	u.Reclaimed = s.reclaim.given.Load()
	s.mu.RLock()
	defer s.mu.RUnlock()
	u.Live = s.ledger.total
	return u
}

// Room implements storage.Store. There is none while the process is about to run out of
// descriptors.
func (s *Store) Room() storage.Room {
	r := roomOf(s.options.Dir)
	low := descriptorsLow()
	if low {
		r.Free = 0
	}
	if s.low.Swap(low) != low && low {
		s.options.Logger.Error("the process is about to run out of descriptors, and the store takes no writes until there are some again: raise the limit (ulimit -n, LimitNOFILE)",
			"limit", descriptorLimit())
	}
	return r
}

func roomOf(dir string) (r storage.Room) {
	var fs unix.Statfs_t
	if unix.Statfs(dir, &fs) == nil {
		r.Free, r.Total = int64(fs.Bavail)*int64(fs.Bsize), int64(fs.Blocks)*int64(fs.Bsize)
	}
	return r
}
