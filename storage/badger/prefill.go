package badger

import (
	"os"

	"go.etcd.io/raft/v3/raftpb"
)

// prefiller makes the pages of the value log into which a large Write is about to go. Badger stores
// to a mapped file full of holes: the kernel then takes a fault for every page, clears the page,
// and reserves its block. Zeros written there before, as one piece, make all pages at once, and
// large folios, which are synced faster; every byte of them is overwritten by the Write, so nothing
// is synced that need not be.
//
// What a hole holds is zeros, so nothing changes by it, if nobody else writes there meanwhile: the
// caller is the store's writer, and Badger rewrites no file (see reclaim).
type prefiller struct {
	advisor *advisor
	file    *os.File // the newest of the value log, as far as the advisor knows
	hole    int64    // no hole begins before
}

const (
	pageBytes = 4 << 10
	// prefillBytes is the least a Write must add to the value log to be prepared for: below, faults
	// cost less than system calls. See BenchmarkWrite.
	prefillBytes = 128 << 10
)

var zeros [1 << 20]byte

// prepare makes the pages for a Write that adds so many bytes to the value log, or a few more. All
// that was written before is synced. Failures are ignored: Badger meets the same ones, and says so.
func (p *prefiller) prepare(bytes int64) {
	if bytes < prefillBytes || !p.advisor.on || !p.turn() {
		return
	}
	hole, size := p.nextHole()
	// What is written begins somewhere in the page before the hole. The last page may stay partly
	// empty, and is left to the fault.
	end := min((hole-pageBytes+1+bytes)/pageBytes*pageBytes, size/pageBytes*pageBytes)
	for p.hole = hole; p.hole < end; {
		n, err := p.file.WriteAt(zeros[:min(end-p.hole, int64(len(zeros)))], p.hole)
		if p.hole += int64(n); err != nil {
			return
		}
	}
}

// turn follows Badger to the newest file.
func (p *prefiller) turn() bool {
	p.leave()
	path := p.advisor.current[valueLog]
	switch {
	case p.file != nil:
		return true
	case path == "":
		return false
	}
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return false
	}
	p.file, p.hole = file, 0
	return true
}

// leave gives back a file that is not the newest any more: as long as it is open, its space is not
// free when Badger deletes it.
func (p *prefiller) leave() {
	if p.file != nil && p.file.Name() != p.advisor.current[valueLog] {
		p.close()
	}
}

// close gives back the file.
func (p *prefiller) close() {
	if p.file != nil {
		p.file.Close()
		p.file = nil
	}
}

// inValueLog is how many bytes at least a Write adds to the value log.
func inValueLog(steps []step) (bytes int64) {
	for i := range steps {
		for _, entries := range [...][]*raftpb.Entry{steps[i].Entries, steps[i].NextEntries} {
			for _, e := range entries {
				if n := sealBytes + entryBytes + len(e.Data); n >= valueThreshold {
					bytes += int64(n)
				}
			}
		}
	}
	return bytes
}
