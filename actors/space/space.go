// Package space decides what a node still writes as its disk fills. Badger writes through memory
// maps: it does not return an error at the end of the disk, the process dies. So a node stops
// taking before it comes to that, in two steps, and goes on once there is space again.
package space

// Level is how full a node's disk is.
type Level uint8

// The levels.
const (
	// Ample takes everything.
	Ample Level = iota
	// Low refuses what producers and groups want to write, and leaderships go to nodes with space.
	// What leaders on other nodes send is taken.
	Low
	// Full does not take entries of leaders on other nodes either. What frees space goes on: deleted
	// topics, trims that are in the log; so do votes and metadata.
	Full
)

// String names the level for people.
func (l Level) String() string {
	switch l {
	case Ample:
		return "ample"
	case Low:
		return "low"
	case Full:
		return "full"
	}
	return "?"
}

// Watermarks say how much space is to stay free. The larger of the two counts; the zero value
// watches nothing.
type Watermarks struct {
	FreeBytes   int64
	FreePercent float64 // of the file system
}

// Mark is how many free bytes are low on a file system of that size.
func (w Watermarks) Mark(total int64) int64 {
	return max(w.FreeBytes, int64(w.FreePercent/100*float64(total)))
}

// Next returns the level by the bytes that are free, less those that are on their way to the disk.
// Below the mark the level is Low, below half of it Full; for a level to end a quarter more than
// where it began must be free, so that a node does not go back and forth with every file that
// Badger gives back. A total of 0 is unknown, which is Ample.
func (w Watermarks) Next(before Level, free, total int64) Level {
	mark := w.Mark(total)
	if total == 0 || mark == 0 {
		return Ample
	}
	low, full := mark, mark/2
	if before >= Low {
		low += low / 4
	}
	if before >= Full {
		full += full / 4
	}
	switch {
	case free < full:
		return Full
	case free < low:
		return Low
	}
	return Ample
}
