package storage

import (
	"errors"
	"fmt"

	"go.etcd.io/raft/v3/raftpb"
)

// TailEntries is how many of the newest entries of every log a Store reads back when it is opened.
const TailEntries = 4

// ErrRemoved is returned for a write to a replica that was removed: its id is never used again.
var ErrRemoved = errors.New("storage: the replica was removed")

// ErrDistrusted is why a replica is suspect that was distrusted by an Append.
var ErrDistrusted = fmt.Errorf("%w: it was found to hold less than it had promised", ErrCorrupt)

// ErrRefused is returned for an append that does not follow what the store holds. Nothing of the
// Write took place; the caller's picture of the log is wrong, so it must not go on with the
// replica; what is held of the others stands.
var ErrRefused = errors.New("storage: the append does not follow")

// Held is what a store holds of a replica, as far as it decides what may be appended. The zero
// value is held of a replica that the store never saw.
type Held struct {
	State      State
	Checkpoint Position // of the checkpoint, the zero value if there is none
	Known      bool     // State is there
	Removed    bool     // a tombstone is there
	Suspect    bool     // it failed the check at open, or is distrusted
}

// After returns what is held after an append, or why the append may not follow (wraps ErrRefused,
// ErrRemoved or ErrCorrupt). It is the contract of Append as code: all stores decide by it.
func (h Held) After(a *Append) (Held, error) {
	switch {
	case a.State.Shard == 0 || a.State.Replica == 0:
		return h, refuse("a shard id and a replica id are needed")
	case h.Removed && a.Remove:
		return h, nil // done already
	case h.Removed:
		return h, ErrRemoved
	case a.Remove:
		return Held{State: State{Shard: a.State.Shard, Replica: a.State.Replica}, Removed: true}, nil
	case a.Distrust && !h.Known && !h.Suspect:
		return h, refuse("there is no replica to be distrusted")
	case a.Distrust:
		h.Suspect = true
		return h, nil
	case h.Suspect:
		return h, fmt.Errorf("%w: the replica failed its check and can only be removed", ErrCorrupt)
	}
	if err := errors.Join(whole(a), h.joins(a), h.fills(a), h.covers(a)); err != nil {
		return h, err
	}
	after := Held{State: a.State, Checkpoint: h.Checkpoint, Known: true}
	if a.Checkpoint != nil {
		after.Checkpoint = a.Checkpoint.Position
	}
	return after, nil
}

func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrRefused, fmt.Sprintf(format, args...))
}

// whole checks an append in itself: the entries are one run that ends at the last position and
// begins behind the start.
func whole(a *Append) error {
	s := a.State
	if s.Last.Index < s.Start.Index || s.Last.Index == s.Start.Index && s.Last != s.Start {
		return refuse("a log that begins behind %v cannot end at %v", s.Start, s.Last)
	}
	return errors.Join(run(a.Entries, Stretch{s.Start, s.Last}), run(a.NextEntries, s.Next))
}

// run checks that entries follow one another up to the end of a stretch.
func run(entries []*raftpb.Entry, of Stretch) error {
	if len(entries) == 0 {
		return nil
	}
	first := entries[0].GetIndex()
	if first <= of.Start.Index {
		return refuse("entry %d is not behind the start %d", first, of.Start.Index)
	}
	for i, e := range entries {
		if e.GetIndex() != first+uint64(i) {
			return refuse("entry %d stands where entry %d should", e.GetIndex(), first+uint64(i))
		}
		if len(e.Data) > MaxEntryBytes {
			return refuse("entry %d has %d bytes, more than %d: requests must be refused earlier", e.GetIndex(), len(e.Data), MaxEntryBytes)
		}
	}
	if end := position(entries[len(entries)-1]); end != of.Last {
		return refuse("the entries end at %v, the state says %v", end, of.Last)
	}
	return nil
}

func position(e *raftpb.Entry) Position { return Position{e.GetIndex(), e.GetTerm()} }

// joins checks that the append leaves no hole behind what is held.
func (h Held) joins(a *Append) error {
	s, before := a.State, h.State
	log, there := h.log(s.Generation)
	switch {
	case h.Known && s.Shard != before.Shard:
		return refuse("it belongs to shard %d", before.Shard)
	case h.Known && s.Generation < before.Generation:
		return refuse("generation %d comes after generation %d", s.Generation, before.Generation)
	case there && s.Generation == before.Generation && s.Start.Index < log.Start.Index:
		return refuse("the start goes back from %d to %d", log.Start.Index, s.Start.Index)
	case s.Last == s.Start:
		return nil
	}
	first := s.Last.Index + 1
	if len(a.Entries) > 0 {
		first = a.Entries[0].GetIndex()
	}
	switch {
	case first == s.Start.Index+1:
		return nil
	case !there:
		return refuse("a log that begins behind %d lacks the entries up to %d", s.Start.Index, first-1)
	case s.Start.Index < log.Start.Index:
		return refuse("entries %d to %d are missing", s.Start.Index+1, log.Start.Index)
	case first > log.Last.Index+1:
		return refuse("entries %d to %d are missing", log.Last.Index+1, first-1)
	case s.Last.Index == log.Last.Index && s.Last != log.Last && len(a.Entries) == 0:
		return refuse("the last entry is %v, not %v", log.Last, s.Last)
	}
	return nil
}

// log returns what is there of the log in a generation.
func (h Held) log(generation uint32) (Stretch, bool) {
	switch {
	case h.Known && generation == h.State.Generation:
		return Stretch{h.State.Start, h.State.Last}, true
	case h.Known && generation == h.State.Generation+1 && h.State.Next != Stretch{}:
		return h.State.Next, true
	}
	return Stretch{}, false
}

// fills checks that what the append says of the next generation follows what is there.
func (h Held) fills(a *Append) error {
	next, before := a.State.Next, h.State.Next
	fresh := !h.Known || a.State.Generation != h.State.Generation
	switch {
	case fresh && (next != Stretch{} || len(a.NextEntries) > 0):
		return refuse("a generation that just became current has no next one")
	case len(a.NextEntries) == 0 && next != before && next != Stretch{}:
		return refuse("the next generation has %v, not %v", before, next)
	case len(a.NextEntries) == 0 || a.NextEntries[0].GetIndex() == next.Start.Index+1:
		return nil
	case next.Start != before.Start || a.NextEntries[0].GetIndex() != before.Last.Index+1:
		return refuse("entry %d of the next generation does not continue %v", a.NextEntries[0].GetIndex(), before)
	}
	return nil
}

// covers checks that the checkpoint lies within the log.
func (h Held) covers(a *Append) error {
	at := h.Checkpoint
	if a.Checkpoint != nil {
		if a.Checkpoint.Conf == nil {
			return refuse("the checkpoint lacks the shard's members")
		}
		at = a.Checkpoint.Position
	} else if at == (Position{}) {
		return nil
	}
	if at.Index < a.State.Start.Index || at.Index > a.State.Last.Index {
		return refuse("the checkpoint at %d lies outside the log (%d, %d]", at.Index, a.State.Start.Index, a.State.Last.Index)
	}
	return nil
}
