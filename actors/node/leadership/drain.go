package leadership

import (
	"context"
	"slices"
	"time"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/node/question"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/storage"
)

const (
	drainLook  = 10 * time.Millisecond  // between two looks at what is still led
	drainAgain = 500 * time.Millisecond // between two tries to hand the same leadership over
	// for the last successors to be heard of: only what goes to the log needs that
	drainSeen = 100 * time.Millisecond
	// for the other nodes to hear that this one stops, and to say that they do too
	drainTold = 100 * time.Millisecond
)

// Drain hands every leadership over, all at once, and keeps them away, so that the node can stop
// without a gap. It returns when none is left that another node could take, or with ctx's error.
// How long it took goes to the log.
func (l *Leaderships) Drain(ctx context.Context) error {
	l.draining.Store(true)
	rest := &replica.Rest{On: true}
	l.replicas.Each(func(r *replica.Ref) { r.Send(rest) })
	l.tellStopping()
	began, h := l.here.Now(), handover{asked: make(map[storage.ShardID]time.Time)}
	err := l.handAll(ctx, &h)
	now := l.here.Now()
	h.look(now, func(s storage.ShardID) bool { return !l.stillLeads(s) })
	l.here.Log.Info("leaderships were handed over", "handed", h.handed, "longest", h.longest, "took", now.Sub(began), "left", len(h.asked))
	return err
}

// tellStopping tells the other nodes that this one stops, and waits a moment for them to have heard
// it. Nodes that are stopped together hear of each other by it, and do not hand the same
// leaderships back and forth.
func (l *Leaderships) tellStopping() {
	var each []func()
	for _, peer := range l.here.Peers() {
		if l.here.Links.Up(peer) {
			each = append(each, func() { question.Tell(l.here, peer, stoppingQuestion, true) })
		}
	}
	told := make(chan struct{})
	l.here.Do(func() {
		actors.Together(l.here, each...)
		close(told)
	})
	l.here.Wait(drainTold, told)
}

// inheritable are the led replicas that a node which does not stop itself can take over.
func (l *Leaderships) inheritable() []*replica.Ref {
	return slices.DeleteFunc(l.movable(), func(r *replica.Ref) bool { return len(l.heirs(r)) == 0 })
}

// heirs are the replicas that can take a leadership over: in sync, on another node that does not
// stop itself. Those that may keep it come first.
func (l *Leaderships) heirs(r *replica.Ref) []storage.ReplicaID {
	var first, last []storage.ReplicaID
	v := r.View()
	for _, m := range l.here.Members(r.Shard) {
		switch {
		case m.Node == l.here.ID || !slices.Contains(v.InSync, m.Replica) || l.stopping.Has(m.Node):
		case l.NoLeader(m.Node):
			last = append(last, m.Replica)
		default:
			first = append(first, m.Replica)
		}
	}
	return append(first, last...)
}

// heir is the replica that should take a leadership over. 0 leaves the choice to raft, which knows
// who has the most of the log, but not who stops.
func (l *Leaderships) heir(r *replica.Ref) storage.ReplicaID {
	heirs := l.heirs(r)
	if len(heirs) == 0 || !slices.ContainsFunc(l.here.Peers(), l.stopping.Has) {
		return 0
	}
	return heirs[0]
}

// handAll has leaderships handed over until none is left to hand over, and notes what became of
// them.
func (l *Leaderships) handAll(ctx context.Context, h *handover) error {
	var asked, empty time.Time // empty is when nothing was led any more
	for {
		now, led := l.here.Now(), l.inheritable()
		h.look(now, l.successorOf)
		switch {
		case len(led) > 0:
			empty = time.Time{}
		case empty.IsZero():
			empty = now
		}
		if len(led) == 0 && (len(h.asked) == 0 || now.Sub(empty) >= drainSeen) {
			return nil
		}
		if len(led) > 0 && now.Sub(asked) > drainAgain {
			asked = now
			for _, r := range led {
				h.ask(r.Shard, now)
				r.Send(&replica.Transfer{To: l.heir(r)})
			}
		}
		if l.here.Wait(drainLook, ctx.Done()) == 0 {
			return ctx.Err()
		}
	}
}

// successorOf reports whether the replica here knows another one that leads, or is no more.
func (l *Leaderships) successorOf(s storage.ShardID) bool {
	r := l.replicas.Get(s)
	if r == nil {
		return true
	}
	v := r.View()
	return v.Role != replica.Leader && v.Leader != 0 && v.Leader != r.Replica
}

func (l *Leaderships) stillLeads(s storage.ShardID) bool {
	r := l.replicas.Get(s)
	return r != nil && r.View().Role == replica.Leader
}

// handover follows leaderships on their way to other nodes.
type handover struct {
	asked  map[storage.ShardID]time.Time // those under way, and since when
	handed int
	// that one took, from when it was asked for until the next leader was heard of, or to the end
	longest time.Duration
}

// ask notes that a leadership is to go.
func (h *handover) ask(s storage.ShardID, now time.Time) {
	if _, before := h.asked[s]; !before {
		h.asked[s] = now
	}
}

// look notes which of them have arrived.
func (h *handover) look(now time.Time, arrived func(storage.ShardID) bool) {
	for s, since := range h.asked {
		if arrived(s) {
			delete(h.asked, s)
			h.handed++
			h.longest = max(h.longest, now.Sub(since))
		}
	}
}

// movable are the led replicas that have another replica in sync.
func (l *Leaderships) movable() []*replica.Ref {
	var led []*replica.Ref
	l.replicas.Each(func(r *replica.Ref) {
		v := r.View()
		if v.Role == replica.Leader && len(l.NodesOf(r.Shard, v.InSync)) > 1 {
			led = append(led, r)
		}
	})
	return led
}
