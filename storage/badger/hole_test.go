package badger

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/troupe-mq/troupe/storage"
)

// healed returns a directory as a process leaves it that is killed after it opened a store which
// had lost the newest part of its history, and wrote a new replica to it. What was lost are some
// transactions, so that a hole in their numbers is there for good.
func healed(t *testing.T) (dir string) {
	t.Helper()
	dir = filled(t)
	older := t.TempDir()
	copyFiles(t, dir, older)
	s := opened(t, dir)
	for range 3 {
		written(t, s, newRetained(9, 8, 100).next(1))
	}
	closed(t, s)
	copyFile(t, filepath.Join(dir, floorName), filepath.Join(older, floorName))
	s = opened(t, older)
	defer closed(t, s)
	if bad := s.Suspect(); len(bad) != 3 {
		t.Fatalf("suspect %v, want all three", bad)
	}
	written(t, s, newRetained(10, 8, 100).next(1))
	dir = t.TempDir()
	for name, b := range content(t, s) {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// quietTree waits until all tables are compacted and those that were are deleted, so that the files
// can be copied.
func quietTree(t *testing.T, s *Store) {
	t.Helper()
	deadline := time.After(60 * time.Second)
	for poll := time.NewTicker(time.Millisecond); ; {
		files, _ := filepath.Glob(filepath.Join(s.options.Dir, "*.sst"))
		if s.db.Levels()[0].NumTables == 0 && len(files) == len(s.db.Tables()) {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("the tree does not come to rest: %v of %d tables", files, len(s.db.Tables()))
		case <-poll.C:
		}
	}
}

// TestAHealedStoreOpensAgain opens a store, whose process was killed, that had lost history before:
// the hole in it is known, no new damage.
func TestAHealedStoreOpensAgain(t *testing.T) {
	s := opened(t, healed(t))
	defer closed(t, s)
	if bad := s.Suspect(); len(bad) != 3 || bad[10] != nil {
		t.Fatalf("suspect %v, want the three that were there before", bad)
	}
	if got, err := s.Entries(10, 11, 12, 1<<20); err != nil || len(got) != 1 {
		t.Fatalf("%d entries of the replica that was written since, %v", len(got), err)
	}
}

// TestAnotherHoleIsDamage damages the log of a memtable that lies before the one with the known
// hole: what was in it is gone, known hole or not.
func TestAnotherHoleIsDamage(t *testing.T) {
	dir := healed(t)
	if err := os.WriteFile(filepath.Join(dir, "00000.mem"), make([]byte, 1<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Open(testOptions(t, dir))
	if err == nil {
		closed(t, s)
	}
	if unreadable := (*storage.Unreadable)(nil); !errors.As(err, &unreadable) || !strings.Contains(err.Error(), "are missing before it") {
		t.Fatalf("opened: %v", err)
	}
}
