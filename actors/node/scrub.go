package node

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/troupe-mq/troupe/actors/node/hosting"
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

func (s *scrubbed) read() ScrubReading {
	return ScrubReading{s.bytes.Load(), s.passes.Load(), s.damaged.Load()}
}

// scrub looks through what is stored, again and again, until the node stops.
func (n *Node) scrub() {
	every := n.config.Scrub.Every
	if every <= 0 {
		return
	}
	for n.here.Wait(every, n.here.Stopping) != 0 {
		n.scrubLogs()
		n.scrubTables()
		n.scrubbed.passes.Add(1)
	}
}

// scrubLogs reads all entries and checkpoints, no faster than the rate. Whatever is damaged is
// quarantined by being read.
func (n *Node) scrubLogs() {
	r := hosting.Rate{Bytes: n.config.Scrub.Bytes}
	before := int64(0)
	// fails only when the node stops
	_ = storage.Verify(n.here.Context, n.hosting.Store(), func(v storage.Verified) {
		n.scrubbed.bytes.Add(v.Bytes - before)
		r.Spend(int(v.Bytes - before))
		before = v.Bytes
		if p := v.Proof; p != nil && !p.Whole() && p.Shard != 0 { // else it was known to be damaged
			n.scrubbed.damaged.Add(1)
			n.here.Log.Error("damage was found where nobody had read", "shard", p.Shard, "replica", p.Replica, "damage", p.Damage)
		}
		for n.config.Scrub.Bytes > 0 {
			wait := r.Wait(n.here.Now())
			if wait == 0 || n.here.Wait(wait, n.here.Stopping) == 0 {
				return
			}
		}
	})
}

// scrubTables checks the tables of the store. One that is damaged cannot be mended in a store that
// is open: the node ends, sets its store aside when it is started again, and is filled anew, if the
// cluster can do without what it holds. Else it goes on, for what can be read of it is better than
// nothing.
func (n *Node) scrubTables() {
	t, ok := n.store.(interface{ CheckTables() (int64, error) })
	if !ok || n.here.Stopped() {
		return
	}
	bytes, err := t.CheckTables()
	n.scrubbed.bytes.Add(bytes)
	if err == nil || n.here.Stopped() {
		return
	}
	n.scrubbed.damaged.Add(1)
	if why := n.needs(n.here.ID); why != "" {
		n.here.Log.Error("the store is damaged, and the node goes on with what can be read of it", "error", err, "why", why)
		return
	}
	n.here.Fail(fmt.Errorf("the store is damaged: %w; the others can do without what it holds, so start the node again: it sets the store aside and is filled anew", err))
}
