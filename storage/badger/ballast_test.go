package badger

import (
	"os"
	"path/filepath"
	"testing"
)

// The ballast is made when there is space, stays over restarts, and goes when there is less space
// than it takes.
func TestBallast(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, ballastName)
	size := func() int64 {
		info, err := os.Stat(path)
		if err != nil {
			return -1
		}
		return info.Size()
	}
	start := func(bytes int64) *Store {
		t.Helper()
		s, err := Open(Options{Dir: dir, Fatal: func(err error) { t.Error(err) }, BallastBytes: bytes})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := start(3<<20 + 1)
	if size() != -1 {
		t.Fatal("it is made before somebody asks for it")
	}
	used := s.Usage().Disk
	if err := s.RestoreBallast(); err != nil || size() != 3<<20+1 {
		t.Fatalf("%d bytes, %v", size(), err)
	}
	if got := s.Usage().Disk; got != used {
		t.Fatalf("the ballast counts as used: %d after %d", got, used)
	}
	closed(t, s)
	closed(t, start(3<<20+1))
	if size() != 3<<20+1 {
		t.Fatalf("%d bytes after a restart with space", size())
	}
	s = start(1 << 60) // as if the disk had less space than that
	if size() != -1 {
		t.Fatalf("%d bytes after a restart without space", size())
	}
	if err := s.RestoreBallast(); err != nil || size() != -1 {
		t.Fatalf("it is made again without space: %d bytes, %v", size(), err)
	}
	closed(t, s)
}
