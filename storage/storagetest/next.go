package storagetest

import (
	"errors"
	"slices"
	"testing"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/storage"
)

// filling is an append that adds entries to the next generation, whose log begins behind a
// position.
func filling(s storage.State, start storage.Position, entries ...*raftpb.Entry) storage.Append {
	last := entries[len(entries)-1]
	s.Next = storage.Stretch{Start: start, Last: storage.Position{Index: last.GetIndex(), Term: last.GetTerm()}}
	return storage.Append{State: s, NextEntries: entries}
}

// current is an append that makes the next generation current, with a log (start, last].
func current(s storage.State, start, last storage.Position) storage.Append {
	s.Generation, s.Start, s.Last, s.Next = s.Generation+1, start, last, storage.Stretch{}
	s.Commit = last.Index
	return storage.Append{State: s, Checkpoint: checkpointAt(last.Index, last.Term, []byte("pulled"))}
}

// testNext fills the next generation piece by piece beside a log that goes on, and makes it
// current.
func testNext(t *testing.T, open Opener) {
	f := newFixture(t, open)
	a := found(1)
	log := appended(a.State, run(11, 31, 5, 2000)...)
	f.write(a, log)
	start := storage.Position{Index: 20, Term: 4}
	one := filling(log.State, start, run(21, 40, 5, 1500)...)
	f.write(one)
	f.check(1, one.State, log.Entries) // the log is what it was
	more := appended(one.State, run(31, 33, 5, 10)...)
	two := filling(more.State, start, run(40, 61, 6, 1500)...)
	f.write(more, two)
	f.check(1, two.State, slices.Concat(log.Entries, more.Entries))

	// less than is there, at both ends
	c := current(two.State, storage.Position{Index: 25, Term: 5}, storage.Position{Index: 58, Term: 6})
	f.write(c)
	pulled := slices.Concat(one.NextEntries, two.NextEntries)
	f.check(1, c.State, pulled[5:38])
	f.tidy()
	f.check(1, c.State, pulled[5:38])

	d := appended(c.State, run(59, 65, 7, 2000)...)
	f.write(d)
	f.check(1, d.State, slices.Concat(pulled[5:38], d.Entries))
}

// testNextAbandoned begins the next generation anew, gives it up, and makes one current with a log
// of its own; and once a replica is removed amid of it.
func testNextAbandoned(t *testing.T, open Opener) {
	f := newFixture(t, open)
	a := found(1)
	log := appended(a.State, run(11, 31, 5, 2000)...)
	f.write(a, log)
	one := filling(log.State, storage.Position{Index: 20, Term: 4}, run(21, 60, 5, 1500)...)
	f.write(one)
	two := filling(one.State, storage.Position{Index: 40, Term: 5}, run(41, 50, 6, 1500)...)
	f.write(two)
	f.check(1, two.State, log.Entries)
	f.tidy()
	f.check(1, two.State, log.Entries)
	given := storage.Append{State: log.State} // given up
	f.write(given)
	f.check(1, given.State, log.Entries)

	three := filling(log.State, storage.Position{Index: 40, Term: 5}, run(41, 90, 6, 1500)...)
	f.write(three)
	whole := current(three.State, storage.Position{Index: 30, Term: 5}, storage.Position{Index: 45, Term: 7})
	whole.Entries = run(31, 46, 7, 1500)
	f.write(whole)
	f.check(1, whole.State, whole.Entries)
	f.tidy()
	f.check(1, whole.State, whole.Entries)

	four := filling(whole.State, storage.Position{Index: 40, Term: 5}, run(41, 90, 7, 1500)...)
	f.write(four)
	f.write(storage.Append{State: storage.State{Shard: shard, Replica: 1}, Remove: true})
	f.isGone(1)
	f.tidy()
	f.reopen()
	f.isGone(1)
}

func testNextRefusals(t *testing.T, open Opener) {
	f := newFixture(t, open)
	a := found(1)
	log := appended(a.State, run(11, 31, 5, 10)...)
	start := storage.Position{Index: 20, Term: 4}
	one := filling(log.State, start, run(21, 40, 5, 10)...)
	f.write(a, log, one)
	at := func(index, term uint64) storage.Position { return storage.Position{Index: index, Term: term} }
	for name, c := range map[string]storage.Append{
		"a hole":                         filling(one.State, start, run(41, 45, 5, 10)...),
		"another beginning":              filling(one.State, at(22, 4), run(40, 45, 5, 10)...),
		"not from the beginning":         filling(one.State, at(22, 4), run(24, 45, 5, 10)...),
		"below its start":                filling(one.State, start, run(20, 45, 5, 10)...),
		"grown by nothing":               {State: filling(one.State, start, run(40, 45, 5, 10)...).State},
		"current beyond its end":         current(one.State, start, at(45, 5)),
		"current from before its start":  current(one.State, at(19, 4), at(39, 5)),
		"current with another last term": current(one.State, start, at(39, 6)),
		"current two generations on":     current(current(one.State, start, at(39, 5)).State, at(20, 4), at(39, 5)),
		"filled while it becomes current": func() storage.Append {
			c := current(one.State, start, at(39, 5))
			c.State.Next, c.NextEntries = one.State.Next, one.NextEntries
			return c
		}(),
	} {
		if err := f.Write([]storage.Append{c}); !errors.Is(err, storage.ErrRefused) {
			t.Errorf("%s: %v, want ErrRefused", name, err)
		}
	}
	f.check(1, one.State, log.Entries)
}
