package badger

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/storage"
)

// filled returns a directory with replicas 1 to 3, each with 40 entries of 1 to 9 KiB and entry 50
// the last.
func filled(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	s := opened(t, dir)
	for r := storage.ReplicaID(1); r <= 3; r++ {
		p := storage.Position{Index: 10, Term: 5}
		a := storage.Append{
			State:      storage.State{Shard: 7, Replica: r, Term: 5, Start: p, Last: storage.Position{Index: 50, Term: 5}},
			Checkpoint: &storage.Checkpoint{Position: p, Conf: &raftpb.ConfState{Voters: []uint64{1}}, Machine: make([]byte, 3000)},
		}
		for i := uint64(11); i <= 50; i++ {
			e := crashEntry(r, i)
			e.Data = append(e.Data, make([]byte, 1000)...)
			a.Entries = append(a.Entries, e)
		}
		if err := s.Write([]storage.Append{a}); err != nil {
			t.Fatal(err)
		}
	}
	closed(t, s)
	return dir
}

func opened(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(testOptions(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func closed(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// behind changes the directory with Badger itself, as the next transaction. It sets what every
// transaction sets: of one that only deletes Badger may keep nothing, and the store that was closed
// after it would seem to have lost history.
func behind(t *testing.T, dir string, f func(*badger.Txn) error) {
	t.Helper()
	o := testOptions(t, dir)
	o.setDefaults()
	db, err := badger.OpenManaged(o.badger(&failStop{log: o.Logger, fatal: o.Fatal}))
	if err != nil {
		t.Fatal(err)
	}
	version := db.MaxVersion()
	txn := db.NewTransactionAt(version, true)
	if err := errors.Join(f(txn), txn.Set(newestKey, []byte{1}), txn.CommitAt(version+1, nil), db.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestDamage damages a store in one way at a time, and expects exactly replica 2 to be suspect, for
// a reason that says so.
func TestDamage(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(*badger.Txn) error
		reason string
	}{
		{"an entry is missing", func(txn *badger.Txn) error { return txn.Delete(entryKey(2, 0, 30)) }, "entry 30 is missing"},
		{"the first entry is missing", func(txn *badger.Txn) error { return txn.Delete(entryKey(2, 0, 11)) }, "entry 11 is missing"},
		{"the last entry is missing", func(txn *badger.Txn) error { return txn.Delete(entryKey(2, 0, 50)) }, "ends at 49"},
		{"the record is missing", func(txn *badger.Txn) error { return txn.Delete(replicaKey('H', 2)) }, "record is not"},
		{"the record is torn", func(txn *badger.Txn) error { return txn.Set(replicaKey('H', 2), []byte("torn")) }, "its record"},
		{"another's record", func(txn *badger.Txn) error {
			return txn.Set(replicaKey('H', 2), encodeRecord(record{Held: storage.Held{State: storage.State{Replica: 3}}}))
		}, "replica 3 lies there"},
		{"an older record", func(txn *badger.Txn) error {
			return txn.Set(entryKey(2, 0, 51), encodeEntry(make([]byte, 4<<10), crashEntry(2, 51)))
		}, "newer than its record"},
		{"the checkpoint is missing", func(txn *badger.Txn) error { return txn.Delete(chunkKey(2, 0)) }, "its checkpoint"},
		{"the checkpoint is torn", func(txn *badger.Txn) error { return txn.Set(chunkKey(2, 0), []byte("torn")) }, "its checkpoint"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filled(t)
			behind(t, dir, c.damage)
			onlySuspect(t, dir, c.reason)
		})
	}
}

// onlySuspect opens a damaged store, and checks what may be done with its replica 2 and that
// removing it mends the store.
func onlySuspect(t *testing.T, dir, reason string) {
	t.Helper()
	s := opened(t, dir)
	bad := s.Suspect()
	if err := bad[2]; len(bad) != 1 || !errors.Is(err, storage.ErrCorrupt) || !strings.Contains(err.Error(), reason) {
		t.Fatalf("suspect: %v, want replica 2 and %q", bad, reason)
	}
	if states, _ := s.Replicas(); len(states) != 2 || states[0].Replica != 1 || states[1].Replica != 3 {
		t.Fatalf("in service: %+v", states)
	}
	if _, err := s.Entries(2, 11, 12, 1); !errors.Is(err, storage.ErrCorrupt) {
		t.Fatalf("entries of a suspect replica: %v", err)
	}
	for range 2 { // opening again does not make it better
		closed(t, s)
		s = opened(t, dir)
		if s.Suspect()[2] == nil {
			t.Fatal("not suspect any more")
		}
	}
	if err := s.Write([]storage.Append{{State: storage.State{Shard: 7, Replica: 2}, Remove: true}}); err != nil {
		t.Fatal(err)
	}
	tidied(t, s)
	if n := keysOf(t, s, 2); n != 0 {
		t.Fatalf("%d entries are left of the removed replica", n)
	}
	closed(t, s)
	s = opened(t, dir)
	if len(s.Suspect()) != 0 {
		t.Fatalf("suspect after it was removed: %v", s.Suspect())
	}
	closed(t, s)
}

func tidied(t *testing.T, s *Store) {
	t.Helper()
	for more := true; more; {
		var err error
		if more, err = s.Tidy(); err != nil {
			t.Fatal(err)
		}
	}
}

// keysOf counts the entry keys on disk of a replica.
func keysOf(t *testing.T, s *Store, r storage.ReplicaID) (n int) {
	t.Helper()
	s.view(s.version, func(txn *badger.Txn) error {
		o := badger.DefaultIteratorOptions
		o.PrefetchValues, o.Prefix = false, replicaKey('L', r)
		it := txn.NewIterator(o)
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			n++
		}
		return nil
	})
	return n
}

// TestReappeared brings back deleted keys with their old versions, as Badger has done, and expects
// them to be deleted again.
func TestReappeared(t *testing.T) {
	dir := filled(t)
	s := opened(t, dir)
	state := storage.State{Shard: 7, Replica: 2, Term: 5, Start: storage.Position{Index: 20, Term: 5}, Last: storage.Position{Index: 40, Term: 5}}
	at := storage.Position{Index: 30, Term: 5}
	if err := s.Write([]storage.Append{{State: state, Checkpoint: &storage.Checkpoint{Position: at, Conf: &raftpb.ConfState{}}}}); err != nil {
		t.Fatal(err)
	}
	closed(t, s)
	// the record is written later, so that the keys are older
	behind(t, dir, func(txn *badger.Txn) error {
		return errors.Join(txn.Set(entryKey(2, 0, 15), encodeEntry(make([]byte, 4<<10), crashEntry(2, 15))), txn.Set(entryKey(2, 0, 45), encodeEntry(make([]byte, 4<<10), crashEntry(2, 45))))
	})
	behind(t, dir, func(txn *badger.Txn) error {
		return txn.Set(replicaKey('H', 2), encodeRecord(record{Held: storage.Held{State: state, Checkpoint: at}, chunks: 1}))
	})
	s = opened(t, dir)
	defer closed(t, s)
	if bad := s.Suspect(); len(bad) != 0 {
		t.Fatalf("suspect: %v", bad)
	}
	tidied(t, s)
	if n := keysOf(t, s, 2); n != 20 {
		t.Fatalf("%d keys are left, want those of entries 21 to 40", n)
	}
}

func valueLogFile(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.vlog"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %v", files, err)
	}
	return files[0]
}

// TestMissingValueLog takes away the file that holds all values but those of the newest entries.
func TestMissingValueLog(t *testing.T) {
	dir := filled(t)
	s := opened(t, dir) // began a new file
	state, _, err := s.record(3)
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		a := crashAppend(&state.State)
		a.Checkpoint = nil
		if err := s.Write([]storage.Append{a}); err != nil {
			t.Fatal(err)
		}
	}
	closed(t, s)
	rotateValueLog(t, dir)
	if err := os.Remove(valueLogFile(t, dir)); err != nil {
		t.Fatal(err)
	}
	s = opened(t, dir)
	defer closed(t, s)
	for r := storage.ReplicaID(1); r <= 3; r++ {
		if err := s.Suspect()[r]; !errors.Is(err, storage.ErrCorrupt) || !strings.Contains(err.Error(), "is missing") {
			t.Errorf("replica %d: %v, want suspect", r, err)
		}
	}
}

// rotateValueLog writes until Badger has begun another file of the value log.
func rotateValueLog(t *testing.T, dir string) {
	t.Helper()
	for i := uint16(0); newest(dir, "*.vlog") == valueLogFile(t, dir); i++ {
		behind(t, dir, func(txn *badger.Txn) error { return txn.Set([]byte{'P', byte(i >> 8), byte(i)}, make([]byte, 32<<20)) })
	}
}

// flip flips a bit amid the values of these entries.
func flip(t *testing.T, file string, entries ...*raftpb.Entry) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		at := strings.Index(string(content), string(e.Data))
		if at < 0 {
			t.Fatal("the value is not where it should be")
		}
		content[at+len(e.Data)/2] ^= 0x10
	}
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestFlippedByte flips a bit in the value of the newest entry of replica 2, and one in that of an
// old entry of replica 1.
func TestFlippedByte(t *testing.T) {
	dir := filled(t)
	rotateValueLog(t, dir)
	flip(t, valueLogFile(t, dir), crashEntry(2, 50), crashEntry(1, 20))
	s := opened(t, dir)
	defer closed(t, s)
	if bad := s.Suspect(); len(bad) != 1 || !errors.Is(bad[2], storage.ErrCorrupt) {
		t.Fatalf("suspect: %v, want replica 2", bad)
	}
	if _, err := s.Entries(1, 19, 20, 1); err != nil {
		t.Errorf("a whole entry beside the corrupt one: %v", err)
	}
	if _, err := s.Entries(1, 19, 22, 1<<62); !errors.Is(err, storage.ErrCorrupt) {
		t.Errorf("a corrupt entry: %v, want ErrCorrupt", err)
	}
}

// TestFlippedByteInNewestFile flips a bit in the file that Badger was writing. Badger cuts the file
// off there when it opens, and with it what other replicas wrote later: the one whose entry it was
// is suspect in any case, and so is each that misses something.
func TestFlippedByteInNewestFile(t *testing.T) {
	dir := filled(t)
	flip(t, valueLogFile(t, dir), crashEntry(2, 11))
	s := opened(t, dir)
	defer closed(t, s)
	bad := s.Suspect()
	if !errors.Is(bad[2], storage.ErrCorrupt) || !errors.Is(bad[3], storage.ErrCorrupt) {
		t.Fatalf("suspect: %v, want replica 2 and replica 3, which was written later", bad)
	}
	if _, err := s.Entries(1, 11, 51, 1<<62); err != nil {
		t.Fatalf("replica 1, which was written before: %v", err)
	}
}

func TestPointerFields(t *testing.T) {
	dir := filled(t)
	s := opened(t, dir)
	defer closed(t, s)
	files := valueLogs(dir)
	err := s.view(s.version, func(txn *badger.Txn) error {
		small, err := txn.Get(replicaKey('H', 1))
		if err != nil {
			return err
		}
		if p, ok := pointerOf(small); ok {
			t.Errorf("a small value lies at %+v", p)
		}
		large, err := txn.Get(entryKey(1, 0, 11))
		if err != nil {
			return err
		}
		p, ok := pointerOf(large)
		if !ok || p.in(files) != nil || int64(p.length) != large.EstimatedSize() {
			t.Errorf("a large value of %d bytes lies at %+v (%v) of %v", large.EstimatedSize(), p, ok, files)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestLostHistory cuts off the end of Badger's log as Badger itself does when it cannot read it,
// and expects all replicas to be suspect, also when new ones were written since.
func TestLostHistory(t *testing.T) {
	dir := filled(t)
	older := t.TempDir()
	copyFiles(t, dir, older)
	s := opened(t, dir)
	state, _, err := s.record(3)
	if err != nil {
		t.Fatal(err)
	}
	a := crashAppend(&state.State)
	a.Checkpoint = nil
	if err := s.Write([]storage.Append{a}); err != nil {
		t.Fatal(err)
	}
	closed(t, s)
	copyFile(t, filepath.Join(dir, floorName), filepath.Join(older, floorName))
	for round := range 3 {
		s = opened(t, older)
		if bad := s.Suspect(); len(bad) != 3 || !errors.Is(bad[1], storage.ErrCorrupt) {
			t.Fatalf("round %d: suspect %v, want all three", round, bad)
		}
		p := storage.Position{Index: 10, Term: 5}
		fresh := storage.Append{State: storage.State{Shard: 8, Replica: 10 + storage.ReplicaID(round), Start: p, Last: p}}
		if err := s.Write([]storage.Append{fresh}); err != nil {
			t.Fatal(err)
		}
		if states, _ := s.Replicas(); len(states) != round+1 {
			t.Fatalf("round %d: in service %+v", round, states)
		}
		closed(t, s)
	}
}

func TestFloorMissing(t *testing.T) {
	dir := filled(t)
	if err := os.Remove(filepath.Join(dir, floorName)); err != nil {
		t.Fatal(err)
	}
	s := opened(t, dir)
	defer closed(t, s)
	if bad := s.Suspect(); len(bad) != 3 {
		t.Fatalf("suspect: %v, want all three", bad)
	}
}

// TestFlippedByteInTree flips a byte in the log of Badger's memtable of a process that was killed:
// Badger drops the rest and says nothing.
func TestFlippedByteInTree(t *testing.T) {
	dir := t.TempDir()
	acked := killed(t, dir, 100*time.Millisecond)
	file := newest(dir, "*.mem")
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	key := string(entryKey(1, 0, acked-4*crashRun)) // not in the last group
	at := strings.Index(string(content), key)
	if at < 0 {
		t.Fatal("the key is not where it should be")
	}
	content[at+3] ^= 1
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	s := opened(t, dir)
	defer closed(t, s)
	if bad := s.Suspect(); len(bad) != crashReplicas {
		t.Fatalf("suspect: %v, want all", bad)
	}
}

func copyFiles(t *testing.T, from, to string) {
	t.Helper()
	files, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		copyFile(t, filepath.Join(from, f.Name()), filepath.Join(to, f.Name()))
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, content, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
