package upkeep

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/troupe-mq/troupe/actors/node/local"
	"github.com/troupe-mq/troupe/storage"
)

// Scrub is how a node looks through what it has stored, so that what rots where nobody reads is
// found while other replicas are whole.
type Scrub struct {
	Every time.Duration // between two passes, and before the first; 0 is never
	Bytes int64         // that are read in a second; 0 is as fast as can be
}

// scrubbed counts what was looked through since the node started.
type scrubbed struct {
	bytes, passes, damaged atomic.Int64
}

// ScrubReading is what was looked through since the node started.
type ScrubReading struct {
	Bytes   int64 // read
	Passes  int64 // through all that is stored
	Damaged int64 // replicas, and tables, found that are not what was written
}

// Scrubbed returns what was looked through since the node started.
func (u *Upkeep) Scrubbed() ScrubReading {
	return ScrubReading{u.scrubbed.bytes.Load(), u.scrubbed.passes.Load(), u.scrubbed.damaged.Load()}
}

// Scrub looks through what is stored, again and again, until the node stops.
func (u *Upkeep) Scrub() {
	every := u.ScrubBy.Every
	if every <= 0 {
		return
	}
	for u.here.Wait(every, u.here.Stopping) != 0 {
		u.scrubLogs()
		u.scrubTables()
		u.scrubbed.passes.Add(1)
	}
}

// scrubLogs reads all entries and checkpoints, no faster than the rate. Whatever is damaged is
// quarantined by being read.
func (u *Upkeep) scrubLogs() {
	r := local.Rate{Bytes: u.ScrubBy.Bytes}
	before := int64(0)
	// fails only when the node stops
	_ = storage.Verify(u.here.Context, u.Store, func(v storage.Verified) {
		u.scrubbed.bytes.Add(v.Bytes - before)
		r.Spend(int(v.Bytes - before))
		before = v.Bytes
		if p := v.Proof; p != nil && !p.Whole() && p.Shard != 0 { // else it was known to be damaged
			u.scrubbed.damaged.Add(1)
			u.here.Log.Error("damage was found where nobody had read", "shard", p.Shard, "replica", p.Replica, "damage", p.Damage)
		}
		for u.ScrubBy.Bytes > 0 {
			wait := r.Wait(u.here.Now())
			if wait == 0 || u.here.Wait(wait, u.here.Stopping) == 0 {
				return
			}
		}
	})
}

// scrubTables checks the tables of the store. One that is damaged cannot be mended in a store that
// is open: the node ends, sets its store aside when it is started again, and is filled anew, if the
// cluster can do without what it holds. Else it goes on, for what can be read of it is better than
// nothing.
func (u *Upkeep) scrubTables() {
	t, ok := u.Disk.(storage.TableChecker)
	if !ok || u.here.Stopped() {
		return
	}
	bytes, err := t.CheckTables()
	u.scrubbed.bytes.Add(bytes)
	if err == nil || u.here.Stopped() {
		return
	}
	u.scrubbed.damaged.Add(1)
	if why := u.Needs(u.here.ID); why != "" {
		u.here.Log.Error("the store is damaged, and the node goes on with what can be read of it", "error", err, "why", why)
		return
	}
	u.here.Fail(fmt.Errorf("the store is damaged: %w; the others can do without what it holds, so start the node again: it sets the store aside and is filled anew", err))
}
