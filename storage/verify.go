package storage

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Proof is what Verify found of one replica.
type Proof struct {
	Shard      ShardID `json:",omitempty"` // 0 if the disk does not tell
	Replica    ReplicaID
	First      uint64   // first entry
	Last       uint64   // last entry; First-1 if there is none
	Bytes      int64    // of entries, read and found to be what was written
	Checkpoint uint64   // index of the checkpoint, 0 if there is none
	Damage     []string `json:",omitempty"` // what is not what was written, each with its place
}

// Whole tells that nothing is wrong.
func (p *Proof) Whole() bool { return len(p.Damage) == 0 }

// Verified is how far a Verify is.
type Verified struct {
	Replicas, Of int   // replicas done, and there
	Bytes        int64 // of entries read
	Proof        *Proof
}

const (
	verifyBytes = 1 << 20 // read at once
	maxDamage   = 50      // places told of one replica
)

// Verify reads all that a store holds: every entry and every checkpoint, with length and checksum.
// It calls f often, and with a Proof when it has finished a replica. The store may be written to
// meanwhile. An error is ctx's.
func Verify(ctx context.Context, s Store, f func(Verified)) error {
	suspect := s.Suspect()
	states, err := s.Replicas()
	if err != nil {
		return err
	}
	v := &verifying{store: s, f: f, at: Verified{Of: len(states) + len(suspect)}}
	for _, r := range slices.Sorted(maps.Keys(suspect)) {
		v.done(&Proof{Replica: r, Damage: []string{suspect[r].Error()}})
	}
	for _, state := range states {
		p, err := v.replica(ctx, state)
		if err != nil {
			return err
		}
		v.done(p)
	}
	return nil
}

type verifying struct {
	store Store
	f     func(Verified)
	at    Verified
}

// done tells of a replica; nil is one that was removed meanwhile.
func (v *verifying) done(p *Proof) {
	v.at.Replicas++
	v.at.Proof = p
	v.f(v.at)
	v.at.Proof = nil
}

func (v *verifying) replica(ctx context.Context, s State) (*Proof, error) {
	p := &Proof{Shard: s.Shard, Replica: s.Replica, First: s.Start.Index + 1, Last: s.Last.Index}
	for next := p.First; next <= p.Last; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		read, err := v.run(p, next)
		switch {
		case errors.Is(err, ErrNotFound):
			return nil, nil // removed
		case err != nil:
			return nil, err
		case read == 0 && !v.moved(p, &next):
			return nil, nil
		}
		next += read
		v.f(v.at)
	}
	c, err := v.store.Checkpoint(s.Replica)
	switch {
	case err == nil:
		p.Checkpoint = c.Index
	case errors.Is(err, ErrCorrupt):
		p.damaged("the checkpoint: %v", err)
	}
	return p, nil
}

// run reads entries from an index on and returns how many it is done with; 0 if they are not there
// any more.
func (v *verifying) run(p *Proof, next uint64) (uint64, error) {
	entries, err := v.store.Entries(p.Replica, next, p.Last+1, verifyBytes)
	if errors.Is(err, ErrCorrupt) { // find out which one
		entries, err = v.store.Entries(p.Replica, next, next+1, 0)
		if errors.Is(err, ErrCorrupt) {
			p.damaged("%v", err)
			return 1, nil
		}
	}
	if errors.Is(err, ErrOutOfRange) {
		return 0, nil
	}
	for _, e := range entries {
		p.Bytes += int64(len(e.Data))
		v.at.Bytes += int64(len(e.Data))
	}
	return uint64(len(entries)), err
}

// moved looks where the log is now, which was trimmed or truncated meanwhile; false if the replica
// is gone.
func (v *verifying) moved(p *Proof, next *uint64) bool {
	states, err := v.store.Replicas()
	if err != nil {
		return false
	}
	for _, s := range states {
		if s.Replica == p.Replica {
			p.First, p.Last = s.Start.Index+1, min(p.Last, s.Last.Index)
			*next = max(*next, p.First)
			return true
		}
	}
	return false
}

func (p *Proof) damaged(format string, args ...any) {
	switch n := len(p.Damage); {
	case n < maxDamage:
		p.Damage = append(p.Damage, fmt.Sprintf(format, args...))
	case n == maxDamage:
		p.Damage = append(p.Damage, "and more")
	}
}
