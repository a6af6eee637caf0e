package badger

import (
	"errors"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"github.com/troupe-mq/troupe/storage"
)

// TestTidyKeepsItsNumber has Badger compact away all that a Tidy deleted, deletions included. The
// store must still open with the number that its floor demands: it lost nothing.
func TestTidyKeepsItsNumber(t *testing.T) {
	dir := t.TempDir()
	l := newRetained(1, 1<<40, 100)
	for range 4 { // each a table of its own, so that there is something to compact
		s := opened(t, dir)
		written(t, s, l.next(2000))
		closed(t, s)
	}
	s := opened(t, dir)
	l.keep = 8
	written(t, s, l.next(1))
	tidied(t, s)
	version := s.version
	closed(t, s)

	o := testOptions(t, dir)
	o.setDefaults()
	db, err := badger.OpenManaged(o.badger(&failStop{log: o.Logger, fatal: o.Fatal}))
	if err != nil {
		t.Fatal(err)
	}
	db.SetDiscardTs(version)
	if err := errors.Join(db.Flatten(1), db.Close()); err != nil {
		t.Fatal(err)
	}

	s = opened(t, dir)
	defer closed(t, s)
	if s.version < version || len(s.Suspect()) != 0 {
		t.Fatalf("opened at %d after %d, suspect: %v", s.version, version, s.Suspect())
	}
}

// TestWriteOfNothingKeepsItsNumber removes a replica twice: the second time there is nothing to
// write.
func TestWriteOfNothingKeepsItsNumber(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir)
	written(t, s, newRetained(1, 8, 100).next(1))
	remove := storage.Append{State: storage.State{Shard: 1, Replica: 1}, Remove: true}
	written(t, s, remove)
	written(t, s, newRetained(2, 8, 100).next(1))
	written(t, s, remove)
	version := s.version
	closed(t, s)
	s = opened(t, dir)
	defer closed(t, s)
	if s.version != version || len(s.Suspect()) != 0 {
		t.Fatalf("opened at %d after %d, suspect: %v", s.version, version, s.Suspect())
	}
}
