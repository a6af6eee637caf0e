package sim

import (
	"errors"
	"time"

	"github.com/troupe-mq/troupe/actors/journal"
	"github.com/troupe-mq/troupe/actors/node"
	"github.com/troupe-mq/troupe/storage/memory"
)

// disk is a machine's disk: what was written and not synced is lost in a crash.
type disk struct {
	store *memory.Store
	slow  bool
	full  bool
	tears bool // the machine loses its power in the middle of the next write
	loss  loss // and what becomes of that
}

func newDisk() *disk {
	d := &disk{store: memory.New()}
	d.store.Delay()
	return d
}

// errFull is what a full disk answers.
var errFull = errors.New("no space left on device")

func (d *disk) fill(full bool) {
	d.full = full
	if full {
		d.store.Fail(errFull)
	} else {
		d.store.Fail(nil)
	}
}

// groupBytes is how much is merged into one transaction, as in production.
const groupBytes = 4 << 20

// journaling is a journal without a goroutine: production's merging, a sync that takes time, and
// reports in order.
type journaling struct {
	p      *process
	disk   *disk
	fatal  func(error)
	queue  []journal.Write
	busy   bool
	closed bool
}

var _ node.Journal = (*journaling)(nil)

// Write implements node.Journal.
func (j *journaling) Write(w journal.Write) {
	if j.closed {
		return
	}
	j.queue = append(j.queue, w)
	j.start()
}

// Writes implements node.Journal.
func (j *journaling) Writes(all []journal.Write) {
	for _, w := range all {
		j.Write(w)
	}
}

// Unwritten implements node.Journal: what waits is not counted.
func (j *journaling) Unwritten() int64 { return 0 }

// Queued implements node.Journal.
func (j *journaling) Queued() (writes int, bytes int64) { return 0, 0 }

// Busy implements node.Journal.
func (j *journaling) Busy() time.Duration { return 0 }

// Close implements node.Journal.
func (j *journaling) Close() { j.closed = true }

func (j *journaling) start() {
	if j.busy {
		return
	}
	j.busy = true
	j.p.after(j.p.world.upTo(50*time.Microsecond), j.begin)
}

// begin writes a group; until it is synced it is there to be read and lost in a crash.
func (j *journaling) begin() {
	n := journal.Fitting(j.queue, groupBytes)
	group := j.queue[:n:n]
	j.queue = j.queue[n:]
	for _, appends := range journal.Merge(group) {
		if err := j.disk.store.Write(appends); err != nil {
			j.fatal(err)
			return
		}
	}
	sync := j.p.world.syncTime(j.disk)
	if j.disk.tears {
		j.p.after(j.p.world.upTo(sync), func() {
			if j.disk.tears { // else the trouble is over, and nobody would start the machine again
				j.p.world.crash(j.p.machine, j.disk.loss, "its power goes in the middle of a write")
			}
		})
	}
	j.p.after(sync, func() { j.end(group) })
}

// end makes the group durable and reports it.
func (j *journaling) end(group []journal.Write) {
	j.disk.store.Sync(j.disk.store.Pending())
	for _, w := range group {
		if w.Done != nil {
			w.Done()
		}
	}
	j.busy = false
	if len(j.queue) > 0 {
		j.start()
	}
}
