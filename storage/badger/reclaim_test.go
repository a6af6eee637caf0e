//go:build !race

// Badger's DB.MaxVersion, which a rewrite of a value-log file calls, reads the memtable's version
// while its writer sets it (v4.9.6, db.go:444): a lone aligned word, and too old a value only keeps
// more tombstones. The race detector would fail these tests over it.

package badger

import (
	"testing"
	"time"
)

// TestSpaceComesBackWhenIdle writes six files of the value log, trims nearly all, and lets the
// store tidy.
func TestSpaceComesBackWhenIdle(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir)
	defer func() { closed(t, s) }()
	l := newRetained(1, 1<<40, 256<<10)
	for range 96 {
		written(t, s, l.next(16))
	}
	if n := len(valueLogs(dir)); n < 6 {
		t.Fatalf("only %d files of the value log", n)
	}
	l.keep = 8
	written(t, s, l.next(1))
	closed(t, s)
	s = opened(t, dir) // what is dead must be found again
	full := s.Usage()
	fewFiles(t, s, 2)
	now := s.Usage()
	if left := full.Disk - now.Disk; int64(now.Reclaimed) < left*9/10 || int64(now.Reclaimed) > left*11/10 || full.Reclaimed != 0 {
		t.Errorf("%d MiB were given back by the store's account, the disk has %d MiB more", now.Reclaimed>>20, left>>20)
	}
	t.Logf("%d MiB were given back of %d: the disk has %d MiB more", now.Reclaimed>>20, full.Disk>>20, (full.Disk-now.Disk)>>20)
	if want := int64(8 * len(l.data)); now.Live < want || now.Live > want+1000 {
		t.Errorf("%d bytes are live, want %d and a checkpoint", now.Live, want)
	}
	if _, err := s.Entries(1, l.state.Start.Index+1, l.state.Last.Index+1, 1<<62); err != nil {
		t.Fatal(err)
	}
}

// fewFiles tidies until only so many files of the value log are left.
func fewFiles(t *testing.T, s *Store, want int) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for poll := time.NewTicker(10 * time.Millisecond); ; {
		tidied(t, s)
		if len(valueLogs(s.options.Dir)) <= want {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("the value log keeps %d files: %v", len(valueLogs(s.options.Dir)), valueLogs(s.options.Dir))
		case <-poll.C:
		}
	}
}

// TestSpaceComesBackUnderLoad writes 16 files of the value log without a pause and keeps a quarter
// of one.
func TestSpaceComesBackUnderLoad(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir)
	defer closed(t, s)
	most := 0
	l := newRetained(1, 64, 256<<10)
	for i := range 512 {
		written(t, s, l.next(8))
		if i%16 == 0 {
			most = max(most, len(valueLogs(dir)))
		}
	}
	if most > 9 {
		t.Fatalf("the value log grew to %d files though a quarter of one is live", most)
	}
	if got, err := s.Entries(1, l.state.Start.Index+1, l.state.Last.Index+1, 1<<62); err != nil || len(got) != 64 {
		t.Fatalf("%d entries, %v", len(got), err)
	}
}

// TestACollectionThatCameTooEarlyIsTriedAgain leaves the store as a collection does that ran before
// Badger knew what is dead: most of the value log is, and what was deleted since counts for
// nothing. Little is written from then on, far less than would begin a collection by itself.
func TestACollectionThatCameTooEarlyIsTriedAgain(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir)
	defer closed(t, s)
	l := newRetained(1, 1<<40, 256<<10)
	for range 96 {
		written(t, s, l.next(16))
	}
	l.keep = 8
	written(t, s, l.next(1))
	small := newRetained(2, 1<<40, 100)
	for len(s.garbage.list) > 0 || s.reclaim.padding {
		s.reclaim.padding, s.reclaim.dead = false, 0
		written(t, s, small.next(1))
	}
	full := len(valueLogs(dir))
	if full < 6 {
		t.Fatalf("only %d files of the value log: something was given back before the collection that is to be tried again", full)
	}
	s.reclaim.dead = 0
	s.reclaim.early.Store(true)
	deadline := time.After(60 * time.Second)
	for poll := time.NewTicker(time.Millisecond); len(valueLogs(dir)) > 2; {
		written(t, s, small.next(1))
		select {
		case <-deadline:
			t.Fatalf("the value log keeps %d files of %d", len(valueLogs(dir)), full)
		case <-poll.C:
		}
	}
	if s.reclaim.early.Load() {
		t.Error("it is to be tried once more though it found what is dead")
	}
}

// TestAnIdleStoreTriesAgain has a collection come too early and nothing written afterwards: Tidy
// tries again.
func TestAnIdleStoreTriesAgain(t *testing.T) {
	s := opened(t, t.TempDir())
	defer closed(t, s)
	written(t, s, newRetained(1, 1<<40, 100).next(10))
	tidied(t, s)
	s.reclaim.early.Store(true)
	deadline := time.After(30 * time.Second)
	for poll := time.NewTicker(time.Millisecond); s.reclaim.early.Load(); {
		tidied(t, s)
		select {
		case <-deadline:
			t.Fatal("the collection is not tried again")
		case <-poll.C:
		}
	}
}
