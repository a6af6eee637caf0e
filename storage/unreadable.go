package storage

import (
	"fmt"
	"time"
)

// Unreadable is the error of opening a store that is damaged so that nothing can be said of what it
// held. It wraps ErrCorrupt.
type Unreadable struct {
	Dir   string // of the store
	Known bool   // that Held is what the store's node record was: it is kept apart from the rest
	Held  Node
	Cause error
}

// Error implements error.
func (u *Unreadable) Error() string { return fmt.Sprintf("the store in %s: %v", u.Dir, u.Cause) }

// Unwrap returns the cause.
func (u *Unreadable) Unwrap() error { return u.Cause }

// Evidence is a damaged store that was set aside: nothing of it is used.
type Evidence struct {
	Dir   string
	At    time.Time // when it was set aside
	Cause string
	Bytes int64 // on disk
}

// Keeper is a Store that was put in the place of damaged ones, which are still there.
type Keeper interface {
	// Evidence returns the stores that were set aside, the oldest first. It looks at the disk.
	Evidence() []Evidence
	// Drop deletes one of them.
	Drop(Evidence) error
}

// EvidenceIn returns the damaged stores that a store was put in the place of and that are still
// there.
func EvidenceIn(s Store) []Evidence {
	if k, ok := s.(Keeper); ok {
		return k.Evidence()
	}
	return nil
}
