package node

import (
	"context"
	"slices"
	"time"

	"github.com/troupe-mq/troupe/actors"
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
func (n *Node) Drain(ctx context.Context) error {
	n.draining.Store(true)
	rest := &replica.Rest{On: true}
	n.replicas.each(func(r *replica.Ref) { r.Send(rest) })
	n.tellStopping()
	began, h := n.here.Now(), handover{asked: make(map[storage.ShardID]time.Time)}
	err := n.handAll(ctx, &h)
	now := n.here.Now()
	h.look(now, func(s storage.ShardID) bool { return !n.stillLeads(s) })
	n.here.Log.Info("leaderships were handed over", "handed", h.handed, "longest", h.longest, "took", now.Sub(began), "left", len(h.asked))
	return err
}

// tellStopping tells the other nodes that this one stops, and waits a moment for them to have heard
// it. Nodes that are stopped together hear of each other by it, and do not hand the same
// leaderships back and forth.
func (n *Node) tellStopping() {
	var each []func()
	for _, peer := range n.here.Peers() {
		if n.here.Links.Up(peer) {
			each = append(each, func() { tell(n.here, peer, restQuestion, true) })
		}
	}
	told := make(chan struct{})
	n.here.Do(func() {
		actors.Together(n.here, each...)
		close(told)
	})
	n.here.Wait(drainTold, told)
}

// inheritable are the led replicas that a node which does not stop itself can take over.
func (n *Node) inheritable() []*replica.Ref {
	return slices.DeleteFunc(n.movable(), func(r *replica.Ref) bool { return len(n.heirs(r)) == 0 })
}

// heirs are the replicas that can take a leadership over: in sync, on another node that does not
// stop itself. Those that may keep it come first.
func (n *Node) heirs(r *replica.Ref) []storage.ReplicaID {
	var first, last []storage.ReplicaID
	v := r.View()
	for _, m := range n.here.Members(r.Shard) {
		switch {
		case m.Node == n.here.ID || !slices.Contains(v.InSync, m.Replica) || n.resting.Has(m.Node):
		case n.rests(m.Node):
			last = append(last, m.Replica)
		default:
			first = append(first, m.Replica)
		}
	}
	return append(first, last...)
}

// heir is the replica that should take a leadership over. 0 leaves the choice to raft, which knows
// who has the most of the log, but not who stops.
func (n *Node) heir(r *replica.Ref) storage.ReplicaID {
	heirs := n.heirs(r)
	if len(heirs) == 0 || !slices.ContainsFunc(n.here.Peers(), n.resting.Has) {
		return 0
	}
	return heirs[0]
}

// handAll has leaderships handed over until none is left to hand over, and notes what became of
// them.
func (n *Node) handAll(ctx context.Context, h *handover) error {
	var asked, empty time.Time // empty is when nothing was led any more
	for {
		now, led := n.here.Now(), n.inheritable()
		h.look(now, n.successorOf)
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
				r.Send(&replica.Transfer{To: n.heir(r)})
			}
		}
		if n.here.Wait(drainLook, ctx.Done()) == 0 {
			return ctx.Err()
		}
	}
}

// successorOf reports whether the replica here knows another one that leads, or is no more.
func (n *Node) successorOf(s storage.ShardID) bool {
	r := n.replicas.get(s)
	if r == nil {
		return true
	}
	v := r.View()
	return v.Role != replica.Leader && v.Leader != 0 && v.Leader != r.Replica
}

func (n *Node) stillLeads(s storage.ShardID) bool {
	r := n.replicas.get(s)
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
func (n *Node) movable() []*replica.Ref {
	var led []*replica.Ref
	n.replicas.each(func(r *replica.Ref) {
		v := r.View()
		if v.Role == replica.Leader && len(n.nodesOf(r.Shard, lead{inSync: v.InSync})) > 1 {
			led = append(led, r)
		}
	})
	return led
}
