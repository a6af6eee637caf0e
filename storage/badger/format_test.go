package badger

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"github.com/troupe-mq/troupe/storage"
)

// A directory of a newer format is not opened, and nothing in it is changed: with the build that
// wrote it, it is whole.
func TestANewerFormatIsRefused(t *testing.T) {
	dir := filled(t)
	s := opened(t, dir)
	if err := s.WriteNode(storage.Node{NodeID: 1, Incarnation: 7}); err != nil {
		t.Fatal(err)
	}
	closed(t, s)
	set := func(f uint32) {
		behind(t, dir, func(txn *badger.Txn) error {
			return txn.Set(formatKey, seal(binary.BigEndian.AppendUint32(sealed(4), f)))
		})
	}
	set(format + 1)
	for range 2 {
		if _, err := Open(testOptions(t, dir)); err == nil || !strings.Contains(err.Error(), "is of format 2, written by a newer build") {
			t.Fatalf("a store of format %d: %v", format+1, err)
		}
	}
	set(format)
	s = opened(t, dir)
	defer closed(t, s)
	if all, err := s.Replicas(); err != nil || len(all) != 3 || len(s.Suspect()) > 0 {
		t.Fatalf("afterwards: %v, %v, suspect %v", all, err, s.Suspect())
	}
}

// The first builds wrote no format: what they wrote is of format 1, and says so once this build has
// used it.
func TestAStoreWithoutAFormatIsTheFirst(t *testing.T) {
	dir := filled(t)
	s := opened(t, dir)
	stated := func() (found bool) {
		t.Helper()
		err := s.view(s.Reached(), func(txn *badger.Txn) error {
			_, err := txn.Get(formatKey)
			found = err == nil
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	if stated() {
		t.Fatal("the store says of which format it is before anything was marked as this build's")
	}
	if err := s.WriteNode(storage.Node{NodeID: 1, Incarnation: 7}); err != nil {
		t.Fatal(err)
	}
	if !stated() {
		t.Fatal("the store does not say of which format it is")
	}
	closed(t, s)
	closed(t, opened(t, dir))
}
