package badger

import (
	"fmt"
	"os"
	"path/filepath"
)

// advisor tells the kernel how the files that Badger writes through memory maps are accessed. Where
// the file system keeps large folios, a store to one byte dirties all of one, and the sync writes
// all of it; advice of random access when a file is created keeps the folios at the size of a page.
// Files written to their end are given back to the default, or cold scans would do without
// read-ahead. See docs/adr/0003.
type advisor struct {
	dir     string
	on      bool
	newest  [2]int    // numbers of the newest files of each kind
	current [2]string // their paths
}

// Kinds of files that Badger writes through maps, and how they are named.
const (
	memTable = iota
	valueLog
)

var kinds = [2]string{memTable: "%05d.mem", valueLog: "%06d.vlog"}

func newAdvisor(o Options) *advisor {
	a := &advisor{dir: o.Dir, on: o.Advise != AdviseOff && canAdvise}
	if !a.on {
		return a
	}
	for k, pattern := range [2]string{memTable: "*.mem", valueLog: "*.vlog"} {
		if a.current[k] = newest(o.Dir, pattern); a.current[k] != "" {
			a.newest[k] = int(fileNumber(a.current[k]))
			advise(a.current[k], true)
		}
	}
	return a
}

// look notices files that Badger began since the last call, at the cost of two system calls.
func (a *advisor) look() {
	for k := 0; a.on && k < len(kinds); k++ {
		for {
			next := filepath.Join(a.dir, fmt.Sprintf(kinds[k], a.newest[k]+1))
			if _, err := os.Lstat(next); err != nil {
				break
			}
			advise(a.current[k], false)
			a.newest[k]++
			a.current[k] = next
			advise(next, true)
		}
	}
}
