package observe

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/troupe-mq/troupe/actors/health"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// waiting is something that does not go on at the moment.
type waiting struct {
	shard   storage.ShardID // 0 is the node itself
	replica storage.ReplicaID
	phase   health.Phase
	detail  string
}

// waits remembers since when things wait, so that what waits for long can be named.
type waits struct {
	mu    sync.Mutex
	since map[waiting]time.Time // detail left out of the key
	now   []health.Wait
}

func (w waiting) key() waiting { w.detail = ""; return w }

// look takes what waits now, and returns what has come to be named and what that was named goes on.
func (w *waits) look(now time.Time, found []waiting) (named, over []health.Wait) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := w.now
	since := make(map[waiting]time.Time, len(found))
	w.now = nil
	for _, f := range found {
		at, known := w.since[f.key()]
		if !known {
			at = now
		}
		since[f.key()] = at
		if ms := now.Sub(at).Milliseconds(); ms >= health.SlowAfter {
			w.now = append(w.now, health.Wait{Shard: f.shard, Replica: f.replica, Phase: f.phase, MS: ms, Detail: f.detail})
		}
	}
	w.since = since
	slices.SortFunc(w.now, func(a, b health.Wait) int {
		return cmp.Or(cmp.Compare(a.Shard, b.Shard), cmp.Compare(a.Phase, b.Phase))
	})
	same := func(a health.Wait) func(health.Wait) bool {
		return func(b health.Wait) bool { return a.Shard == b.Shard && a.Replica == b.Replica && a.Phase == b.Phase }
	}
	for _, x := range w.now {
		if !slices.ContainsFunc(before, same(x)) {
			named = append(named, x)
		}
	}
	for _, x := range before {
		if !slices.ContainsFunc(w.now, same(x)) {
			over = append(over, x)
		}
	}
	return named, over
}

// list returns what waits for so long that it is named.
func (w *waits) list() []health.Wait {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.now)
}

const (
	waitsEvery  = time.Second
	waitsLogged = 10 // lines at once: when a node dies, every partition may wait
)

// WatchWaits names what waits for long, in the log and for reports, until the node stops.
func (o *Observer) WatchWaits() {
	o.here.Every(waitsEvery, func(now time.Time) {
		named, over := o.waits.look(now, o.waitingNow())
		for i, w := range named {
			if i == waitsLogged {
				o.here.Log.Warn("and more wait: see troupe cluster status", "more", len(named)-i)
				break
			}
			o.here.Log.Warn("something waits", "partition", o.here.NameOf(w.Shard), "replica", w.Replica, "phase", string(w.Phase), "for", w.Detail, "since", time.Duration(w.MS)*time.Millisecond)
		}
		for i, w := range over {
			if i == waitsLogged {
				o.here.Log.Info("and more go on", "more", len(over)-i)
				break
			}
			o.here.Log.Info("what waited goes on", "partition", o.here.NameOf(w.Shard), "replica", w.Replica, "phase", string(w.Phase), "waited", time.Duration(w.MS)*time.Millisecond)
		}
	})
}

// waitingNow looks at the views of all replicas, and at the journal.
func (o *Observer) waitingNow() (found []waiting) {
	image := o.here.Image()
	o.Replicas.Each(func(r *replica.Ref) {
		if r.Idle() {
			return
		}
		v := r.View()
		w := waiting{shard: r.Shard, replica: r.Replica}
		switch {
		case v.Role == replica.Candidate && v.Leader == r.Replica:
			w.phase, w.detail = health.Beginning, o.missing(image.Shard(r.Shard))
		case v.Role == replica.Leader || v.Leader != 0:
			return
		default:
			w.phase, w.detail = health.Electing, o.missing(image.Shard(r.Shard))
			if w.detail != "" {
				w.phase = health.NoQuorum
			}
		}
		found = append(found, w)
	})
	if o.Journal.Busy() > waitsEvery {
		found = append(found, waiting{phase: health.Syncing, detail: "the disk, for one transaction"})
	}
	return found
}

// missing says which voters are down if too few are up, else nothing.
func (o *Observer) missing(p *metadata.Partition) string {
	if p == nil {
		return ""
	}
	var down []metadata.NodeID
	voters := 0
	for _, r := range p.Replicas {
		if r.Role != metadata.Voter {
			continue
		}
		if voters++; !o.here.Alive(r.Node) {
			down = append(down, r.Node)
		}
	}
	if voters-len(down) > voters/2 {
		return ""
	}
	slices.Sort(down)
	return fmt.Sprintf("nodes %v, which are down", down)
}

// report tells how this node is, for other nodes and for this one's own judgement.
func (o *Observer) report(ctx context.Context) health.Report {
	image, usage := o.here.Image(), o.Disk.Usage()
	r := health.Report{
		Node: o.here.ID, Version: o.Version, Draining: o.Leaders.Draining(), DiskUsed: usage.Disk, DiskFree: usage.Free, Waits: o.waits.list(),
	}
	for _, e := range storage.EvidenceIn(o.Disk) {
		r.SetAside = append(r.SetAside, health.SetAside{Dir: e.Dir, Bytes: e.Bytes, Cause: e.Cause, MS: o.here.Now().Sub(e.At).Milliseconds()})
	}
	for _, l := range o.Hosting.Lost() {
		cause := l.Cause
		if l.Refused != "" {
			cause += "; " + l.Refused
		}
		r.Quarantined = append(r.Quarantined, health.Quarantined{Shard: l.Shard, Replica: l.Replica, Cause: cause})
	}
	for _, at := range o.readReplicas(ctx, image) {
		s := at.Standing
		r.Replicas++
		if !s.Established {
			continue
		}
		r.Leaders++
		for _, f := range s.Followers {
			if ms := f.Behind.Milliseconds(); ms >= health.SlowAfter || !f.InReach {
				r.Behind = append(r.Behind, health.Behind{Shard: s.Shard, Replica: f.Replica, Node: f.Node, Learner: f.Learner, InReach: f.InReach, Entries: f.Lag, MS: ms})
			}
		}
	}
	r.Members = o.changing(image)
	return r
}

// changing returns who votes in the shards that this node leads and whose members change.
func (o *Observer) changing(image *metadata.Image) (all []health.Members) {
	o.Replicas.Each(func(ref *replica.Ref) {
		p := image.Shard(ref.Shard)
		if p == nil || !p.Moving() || ref.View().Role != replica.Leader {
			return
		}
		if sets := o.Hosting.Electorates(ref); sets != nil {
			all = append(all, health.Members{Shard: ref.Shard, Sets: sets})
		}
	})
	return all
}
