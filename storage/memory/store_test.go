package memory

import (
	"cmp"
	"errors"
	"strings"
	"testing"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/storage"
	"github.com/troupe-mq/troupe/storage/storagetest"
)

func TestContract(t *testing.T) {
	stores := map[string]*Store{}
	storagetest.Run(t, func(dir string) (storage.Store, error) {
		if s, ok := stores[dir]; ok {
			s.Reopen()
			return s, nil
		}
		stores[dir] = New()
		return stores[dir], nil
	})
}

// TestContractDelayed is the same with every write delayed until the store is closed.
func TestContractDelayed(t *testing.T) {
	stores := map[string]*Store{}
	storagetest.Run(t, func(dir string) (storage.Store, error) {
		if s, ok := stores[dir]; ok {
			s.Reopen()
			return s, nil
		}
		stores[dir] = New()
		stores[dir].Delay()
		return stores[dir], nil
	})
}

func founded(t *testing.T, s *Store, r storage.ReplicaID) storage.State {
	t.Helper()
	p := storage.Position{Index: 10, Term: 5}
	state := storage.State{Shard: 1, Replica: r, Start: p, Last: p}
	write(t, s, storage.Append{State: state, Checkpoint: &storage.Checkpoint{Position: p, Conf: &raftpb.ConfState{}}})
	return state
}

func write(t *testing.T, s *Store, a ...storage.Append) {
	t.Helper()
	if err := s.Write(a); err != nil {
		t.Fatal(err)
	}
}

func grown(s storage.State, n int) storage.Append {
	a := storage.Append{State: s}
	for range n {
		a.State.Last.Index++
		a.Entries = append(a.Entries, &raftpb.Entry{Index: new(a.State.Last.Index), Term: new(a.State.Last.Term), Data: []byte("x")})
	}
	return a
}

func last(t *testing.T, s *Store) uint64 {
	t.Helper()
	all, err := s.Replicas()
	if err != nil || len(all) != 1 {
		t.Fatalf("%v, %v", all, err)
	}
	return all[0].Last.Index
}

func TestCrashForgetsWhatWasNotSynced(t *testing.T) {
	s := New()
	state := founded(t, s, 1)
	s.Delay()
	for range 3 {
		a := grown(state, 2)
		write(t, s, a)
		state = a.State
	}
	if last(t, s) != 16 || s.Pending() != 3 {
		t.Fatalf("last %d, pending %d", last(t, s), s.Pending())
	}
	s.Sync(1)
	s.Crash()
	if last(t, s) != 12 || s.Pending() != 0 || len(s.Suspect()) != 0 {
		t.Fatalf("after the crash: last %d, pending %d, suspect %v", last(t, s), s.Pending(), s.Suspect())
	}
	if _, err := s.Entries(1, 13, 14, 1); !errors.Is(err, storage.ErrOutOfRange) {
		t.Fatalf("a forgotten entry: %v", err)
	}
	state.Last.Index = 12
	write(t, s, grown(state, 1)) // what follows follows what is left
	s.Sync(1)
	s.Crash()
	if last(t, s) != 13 {
		t.Fatalf("last %d, want 13", last(t, s))
	}
}

func TestDamage(t *testing.T) {
	for _, c := range []struct {
		name    string
		damage  func(*Store)
		suspect bool
	}{
		{"an old entry corrupt", func(s *Store) { s.Corrupt(1, 11) }, false},
		{"the last entry corrupt", func(s *Store) { s.Corrupt(1, 20) }, true},
		{"an old entry lost", func(s *Store) { s.Lose(1, 11) }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := New()
			state := founded(t, s, 1)
			write(t, s, grown(state, 10))
			c.damage(s)
			if _, err := s.Entries(1, 11, 21, 100); !errors.Is(err, storage.ErrCorrupt) {
				t.Fatalf("read: %v, want ErrCorrupt", err)
			}
			s.Crash()
			if err := s.Suspect()[1]; errors.Is(err, storage.ErrCorrupt) != c.suspect {
				t.Fatalf("suspect: %v, want %v", err, c.suspect)
			}
			if c.suspect {
				suspectIsOutOfService(t, s, state)
			}
		})
	}
}

func suspectIsOutOfService(t *testing.T, s *Store, state storage.State) {
	t.Helper()
	if all, _ := s.Replicas(); len(all) != 0 {
		t.Fatalf("a suspect replica is among %v", all)
	}
	if err := s.Write([]storage.Append{grown(state, 1)}); !errors.Is(err, storage.ErrCorrupt) {
		t.Fatalf("a write to a suspect replica: %v, want ErrCorrupt", err)
	}
	write(t, s, storage.Append{State: state, Remove: true})
	if len(s.Suspect()) != 0 {
		t.Fatalf("suspect after it was removed: %v", s.Suspect())
	}
}

func TestFail(t *testing.T) {
	s, full := New(), errors.New("full")
	state := founded(t, s, 1)
	s.Fail(full)
	if err := s.Write([]storage.Append{grown(state, 1)}); err != full {
		t.Fatalf("%v, want %v", err, full)
	}
	s.Fail(nil)
	write(t, s, grown(state, 1))
}

// TestVerifyTellsEveryPlace damages several entries of a log.
func TestVerifyTellsEveryPlace(t *testing.T) {
	s := New()
	state := founded(t, s, 1)
	write(t, s, grown(state, 200))
	for _, i := range []uint64{11, 12, 100, 210} {
		s.Corrupt(1, i)
	}
	var got *storage.Proof
	if err := storage.Verify(t.Context(), s, func(v storage.Verified) { got = cmp.Or(v.Proof, got) }); err != nil {
		t.Fatal(err)
	}
	if len(got.Damage) != 4 || got.Bytes != 196 || !strings.Contains(got.Damage[2], "entry 100 ") {
		t.Fatalf("%+v", got)
	}
}

// A write that is torn on a disk that lies is there by half: who had entries in it is suspect. One
// without entries is gone.
func TestTear(t *testing.T) {
	s := New()
	one, two := founded(t, s, 1), founded(t, s, 2)
	s.Delay()
	a, b := grown(one, 2), grown(two, 2)
	write(t, s, a)
	write(t, s, grown(a.State, 4), b)
	write(t, s, grown(b.State, 1))
	if torn := s.Tear(1); len(torn) != 2 || torn[0] != 1 || torn[1] != 2 {
		t.Fatalf("torn: %v, want 1, of whose entries one is missing, and 2, of which both are", torn)
	}
	if bad := s.Suspect(); len(bad) != 2 || !errors.Is(bad[1], storage.ErrCorrupt) {
		t.Fatalf("suspect: %v", bad)
	}

	s = New()
	one = founded(t, s, 1)
	s.Delay()
	a = grown(one, 2)
	write(t, s, a)
	a.State.Term++
	write(t, s, storage.Append{State: a.State})
	if torn := s.Tear(1); len(torn) != 0 || last(t, s) != 12 || s.Pending() != 0 {
		t.Fatalf("torn: %v, last %d, pending %d", torn, last(t, s), s.Pending())
	}
	if got, _ := s.State(Durable, 1); got.Term != one.Term {
		t.Fatalf("term %d of a write that is gone", got.Term)
	}
}
