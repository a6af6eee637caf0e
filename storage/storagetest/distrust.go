package storagetest

import (
	"errors"
	"sync"
	"testing"

	"github.com/troupe-mq/troupe/storage"
)

// testDistrust makes a replica suspect for good.
func testDistrust(t *testing.T, open Opener) {
	f := newFixture(t, open)
	a, other := found(1), found(2)
	b := appended(a.State, run(11, 21, 5, 2000)...)
	f.write(a, b, other)
	bad := storage.Append{State: storage.State{Shard: shard, Replica: 1}, Distrust: true}
	f.write(bad)
	f.write(bad) // once more does no harm
	for range 2 {
		if err := f.Suspect()[1]; len(f.Suspect()) != 1 || !errors.Is(err, storage.ErrDistrusted) || !errors.Is(err, storage.ErrCorrupt) {
			t.Fatalf("suspect: %v, want replica 1", f.Suspect())
		}
		if all, err := f.Replicas(); err != nil || len(all) != 1 || all[0].Replica != 2 {
			t.Fatalf("in service: %v, %v", all, err)
		}
		if _, err := f.Entries(1, 11, 12, 1); !errors.Is(err, storage.ErrCorrupt) {
			t.Fatalf("entries of it: %v, want ErrCorrupt", err)
		}
		if err := f.Write([]storage.Append{appended(b.State, run(21, 22, 5, 1)...)}); !errors.Is(err, storage.ErrCorrupt) {
			t.Fatalf("a write to it: %v, want ErrCorrupt", err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		f.start()
	}
	f.write(storage.Append{State: bad.State, Remove: true})
	f.isGone(1)
	f.reopen()
	f.isGone(1)
	if err := f.Write([]storage.Append{{State: storage.State{Shard: shard, Replica: 9}, Distrust: true}}); !errors.Is(err, storage.ErrRefused) {
		t.Fatalf("distrust of a replica that is not there: %v, want ErrRefused", err)
	}
}

// testReached expects every write, of the node's record as well and by whatever goroutine, to take
// the store further, and none to be forgotten.
func testReached(t *testing.T, open Opener) {
	f := newFixture(t, open)
	before := f.Reached()
	const writes = 20
	var all sync.WaitGroup
	all.Go(func() {
		for n := range uint64(writes) {
			if err := f.WriteNode(storage.Node{NodeID: 3, Run: storage.Run{Number: n}}); err != nil {
				t.Error(err)
			}
		}
	})
	a := found(1)
	f.write(a)
	for i := uint64(11); i < 11+writes; i++ {
		a = appended(a.State, run(i, i+1, 5, 10)...)
		f.write(a)
	}
	all.Wait()
	f.reopen()
	if got := f.Reached(); got < before+2*writes+1 {
		t.Fatalf("it reached %d and then, with %d writes, %d", before, 2*writes+1, got)
	}
	if n, err := f.Node(); err != nil || n.Run.Number != writes-1 {
		t.Fatalf("the node's record is %+v, %v", n, err)
	}
	f.holds(1, a.State, run(11, 11+writes, 5, 10))
}
