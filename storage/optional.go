package storage

// What stands here a Store may be besides, if what it lies on needs it. A store in memory is none
// of it, and whoever wraps a Store passes on what that is.

// Tidier is a Store that has work to put off: deleting what was trimmed, giving space back.
type Tidier interface {
	// Tidy does a bounded part of it, at the cost of one small Write at most, and reports whether
	// there is more to do soon. It is called by the goroutine that calls Write, while nothing waits to
	// be written. After an error the process must end.
	Tidy() (more bool, err error)
}

// Floored is a Store that knows how far it must reach, and would notice had it lost its newest
// part.
type Floored interface {
	// Floor returns the transaction that the store had to reach when it was opened, 0 if that was not
	// known.
	Floor() uint64
}

// FloorOf returns a store's floor, 0 if it has none.
func FloorOf(s Store) uint64 {
	if f, ok := s.(Floored); ok {
		return f.Floor()
	}
	return 0
}

// TableChecker is a Store that keeps files which rot while nobody reads them.
type TableChecker interface {
	// CheckTables compares them with their checksums and returns how many bytes it read. An error is
	// of one that is damaged and still in use.
	CheckTables() (bytes int64, err error)
}

// Ballaster is a Store that keeps a file which it gives up when a full disk would keep it from
// being opened.
type Ballaster interface {
	// RestoreBallast makes the file if it is not there and there is space for it twice. It may take a
	// while, once. One goroutine at a time may call it.
	RestoreBallast() error
}
