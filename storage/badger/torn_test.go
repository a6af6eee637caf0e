package badger

import (
	"bytes"
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/storage"
)

// torn is a store's directory before a write and after it.
type torn struct {
	before, after map[string][]byte // by file
	was, is       []storage.State
}

// tornWrite has a store write once more, beside replicas that the write does not concern.
func tornWrite(t *testing.T) torn {
	t.Helper()
	dir := filled(t)
	s := opened(t, dir)
	write := func() {
		var group []storage.Append
		states, err := s.Replicas()
		if err != nil {
			t.Fatal(err)
		}
		for _, state := range states[:2] {
			a := crashAppend(&state)
			a.Checkpoint = nil
			group = append(group, a)
		}
		if err := s.Write(group); err != nil {
			t.Fatal(err)
		}
	}
	write() // into the files that it then goes on with
	w := torn{before: content(t, s)}
	w.was, _ = s.Replicas()
	write()
	w.after = content(t, s)
	w.is, _ = s.Replicas()
	closed(t, s)
	return w
}

// content reads the files of a store that is open, as a crash would leave them: once no table is
// being compacted, as files that change meanwhile are not those of one moment.
func content(t *testing.T, s *Store) map[string][]byte {
	t.Helper()
	quietTree(t, s)
	dir := s.options.Dir
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string][]byte)
	for _, f := range files {
		if all[f.Name()], err = os.ReadFile(filepath.Join(dir, f.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// tear makes a directory in which some blocks of the files of a kind are those of before the write;
// all others are those of after it, but for the floor, which follows the write.
func (w torn) tear(t *testing.T, kind string, stale func(block int) bool) string {
	t.Helper()
	const sector = 512
	dir := t.TempDir()
	changed := 0
	for _, name := range slices.Sorted(maps.Keys(w.after)) {
		b := bytes.Clone(w.after[name])
		old := w.before[name]
		if name == floorName {
			b = bytes.Clone(old)
		}
		if filepath.Ext(name) == kind {
			for at := 0; at < len(b) && at < len(old); at += sector {
				end := min(at+sector, len(b), len(old))
				if bytes.Equal(b[at:end], old[at:end]) {
					continue
				}
				if stale(changed) {
					copy(b[at:end], old[at:end])
				}
				changed++
			}
		}
		used := bytes.TrimRight(b, "\x00") // the rest of what Badger maps is a hole
		if err := errors.Join(os.WriteFile(filepath.Join(dir, name), used, 0o600), os.Truncate(filepath.Join(dir, name), int64(len(b)))); err != nil {
			t.Fatal(err)
		}
	}
	if changed < 2 {
		t.Fatalf("the write changed %d blocks of %s: it is too small to be torn", changed, kind)
	}
	return dir
}

// TestATornWriteIsAllOrNothing cuts a write off in Badger's log, behind each of its blocks, and
// leaves out each of them: the values lie in the value log by then, for they are synced first. The
// whole write is there or nothing of it, and no replica is doubted.
func TestATornWriteIsAllOrNothing(t *testing.T) {
	w := tornWrite(t)
	whole, none := 0, 0
	for block := range 4 {
		for _, stale := range []func(int) bool{func(b int) bool { return b >= block }, func(b int) bool { return b == block }} {
			s := opened(t, w.tear(t, ".mem", stale))
			if bad := s.Suspect(); len(bad) > 0 {
				t.Fatalf("block %d: suspect: %v", block, bad)
			}
			states, _ := s.Replicas()
			switch {
			case slices.Equal(states, w.is):
				whole++
			case slices.Equal(states, w.was):
				none++
			default:
				t.Fatalf("block %d: %+v, which is neither %+v nor %+v", block, states, w.was, w.is)
			}
			readable(t, s, states)
			closed(t, s)
		}
	}
	if whole == 0 || none == 0 {
		t.Errorf("the write was there %d times and gone %d times: it was not torn", whole, none)
	}
}

// TestATornValueIsFound leaves blocks of the values behind, as a disk does that says it has synced
// what it has not: Badger's log is there and what it points to is not. Of each replica either
// nothing of the write is there, or all of it, or the replica is suspect.
func TestATornValueIsFound(t *testing.T) {
	w := tornWrite(t)
	random := rand.New(rand.NewPCG(3, 4))
	found := 0
	for range 12 {
		keep := random.IntN(3)
		s := opened(t, w.tear(t, ".vlog", func(int) bool { return random.IntN(3) >= keep }))
		bad := s.Suspect()
		states, _ := s.Replicas()
		for _, state := range states {
			at := int(state.Replica) - 1
			if state != w.was[at] && state != w.is[at] {
				t.Fatalf("replica %d: %+v, which is neither %+v nor %+v", state.Replica, state, w.was[at], w.is[at])
			}
		}
		if len(states)+len(bad) != len(w.was) {
			t.Fatalf("%d replicas in service, suspect %v, of %d", len(states), bad, len(w.was))
		}
		for r, err := range bad {
			if !errors.Is(err, storage.ErrCorrupt) || r == 3 {
				t.Fatalf("replica %d is suspect: %v", r, err)
			}
			found++
		}
		readable(t, s, states)
		closed(t, s)
	}
	if found == 0 {
		t.Error("no replica was ever suspect: nothing was torn")
	}
}

// readable reads all entries of replicas that are in service.
func readable(t *testing.T, s *Store, states []storage.State) {
	t.Helper()
	for _, state := range states {
		entries, err := s.Entries(state.Replica, state.Start.Index+1, state.Last.Index+1, 1<<62)
		if err != nil {
			t.Fatalf("replica %d: %v", state.Replica, err)
		}
		for _, e := range entries {
			if !holds(e, state.Replica) {
				t.Fatalf("entry %d of replica %d is another one", e.GetIndex(), state.Replica)
			}
		}
	}
}

// holds reports whether an entry is what was written.
func holds(e *raftpb.Entry, r storage.ReplicaID) bool {
	return bytes.HasPrefix(e.Data, crashEntry(r, e.GetIndex()).Data)
}
