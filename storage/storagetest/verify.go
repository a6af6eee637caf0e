package storagetest

import (
	"context"
	"errors"
	"testing"

	"github.com/troupe-mq/troupe/storage"
)

// testVerify expects a proof of every replica that tells exactly what it holds.
func testVerify(t *testing.T, open Opener) {
	f := newFixture(t, open)
	a, empty, bad := found(1), found(2), found(3)
	b := appended(a.State, run(11, 811, 5, 5000)...)
	f.write(a, empty, bad)
	f.write(b)
	c := storage.Append{State: b.State, Checkpoint: checkpointAt(400, 5, []byte("m"))}
	c.State.Start = storage.Position{Index: 20, Term: 5}
	f.write(c)
	f.write(storage.Append{State: bad.State, Distrust: true})
	got := map[storage.ReplicaID]storage.Proof{}
	last, calls := storage.Verified{}, 0
	err := storage.Verify(context.Background(), f, func(v storage.Verified) {
		if v.Replicas < last.Replicas || v.Bytes < last.Bytes || v.Of != 3 {
			t.Fatalf("%+v comes after %+v", v, last)
		}
		last = v
		calls++
		if v.Proof != nil {
			got[v.Proof.Replica] = *v.Proof
		}
	})
	if err != nil || last.Replicas != 3 || last.Bytes != 790*5000 || calls < 6 {
		t.Fatalf("%v, at last %+v in %d calls", err, last, calls)
	}
	provesWhatIsHeld(t, got)
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if err := storage.Verify(ended, f, func(storage.Verified) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("an ended context: %v", err)
	}
}

// provesWhatIsHeld compares the proofs of a whole replica, an empty and a distrusted one.
func provesWhatIsHeld(t *testing.T, got map[storage.ReplicaID]storage.Proof) {
	t.Helper()
	if p := got[1]; !p.Whole() || p.Shard != shard || p.First != 21 || p.Last != 810 || p.Bytes != 790*5000 || p.Checkpoint != 400 {
		t.Errorf("replica 1: %+v", p)
	}
	if p := got[2]; !p.Whole() || p.First != 11 || p.Last != 10 || p.Checkpoint != 10 {
		t.Errorf("replica 2, an empty log: %+v", p)
	}
	if p := got[3]; p.Whole() || len(p.Damage) != 1 {
		t.Errorf("replica 3, distrusted: %+v", p)
	}
}
