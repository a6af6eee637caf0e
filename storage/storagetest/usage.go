package storagetest

import (
	"testing"

	"github.com/troupe-mq/troupe/storage"
)

// testUsage follows what counts of a store through all that makes it more and less.
func testUsage(t *testing.T, open Opener) {
	f := newFixture(t, open)
	live := func(what string, want int64) {
		t.Helper()
		for _, when := range []string{"", ", opened again"} {
			u := f.Usage()
			// what a store needs beside the data of each entry and checkpoint is not told
			if off := u.Live - want; off < -500 || off > 3000 {
				t.Fatalf("%s%s: %d bytes are live, want %d", what, when, u.Live, want)
			}
			if u.Disk < u.Live {
				t.Fatalf("%s%s: %d bytes on disk are less than the %d that are live", what, when, u.Disk, u.Live)
			}
			f.reopen()
		}
	}
	a := found(1)
	f.write(a)
	live("founded", 0)
	b := appended(a.State, run(11, 51, 5, 5000)...)
	f.write(b)
	live("forty entries", 40*5000)
	c := appended(b.State, run(41, 46, 6, 800)...) // small ones lie elsewhere
	f.write(c)
	live("a tail replaced", 30*5000+5*800)
	d := storage.Append{State: c.State, Checkpoint: checkpointAt(30, 5, make([]byte, 100_000))}
	d.State.Start = storage.Position{Index: 30, Term: 5}
	f.write(d)
	live("trimmed", 10*5000+5*800+100_000)
	f.write(storage.Append{State: d.State, Checkpoint: checkpointAt(30, 5, make([]byte, 40_000))})
	live("another checkpoint", 10*5000+5*800+40_000)

	e := storage.Append{State: d.State, NextEntries: run(21, 61, 7, 4000)}
	e.State.Next = storage.Stretch{Start: storage.Position{Index: 20, Term: 5}, Last: storage.Position{Index: 60, Term: 7}}
	f.write(e)
	live("a log pulled beside", 10*5000+5*800+40_000+40*4000)
	g := storage.Append{State: d.State, Checkpoint: checkpointAt(60, 7, nil)}
	g.State.Generation, g.State.Term, g.State.Commit = 1, 7, 60
	g.State.Start, g.State.Last = storage.Position{Index: 20, Term: 5}, storage.Position{Index: 60, Term: 7}
	f.write(g)
	live("and current", 40*4000)
	other := found(2)
	f.write(other, appended(other.State, run(11, 21, 5, 5000)...))
	live("another replica", 40*4000+10*5000)
	f.write(storage.Append{State: g.State, Remove: true})
	live("one removed", 10*5000)
}
