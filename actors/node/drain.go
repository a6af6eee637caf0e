package node

import (
	"context"
	"time"

	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/storage"
)

const (
	drainLook  = 10 * time.Millisecond  // between two looks at what is still led
	drainAgain = 500 * time.Millisecond // between two tries to hand the same leadership over
	drainSeen  = 100 * time.Millisecond // for the last successors to be heard of: only what goes to the log needs that
)

// Drain hands every leadership over, all at once, and keeps them away, so that the node can stop without a gap. It returns when none is left that another
// node could take, or with ctx's error. How long it took goes to the log.
func (n *Node) Drain(ctx context.Context) error {
	n.draining.Store(true)
	rest := &replica.Rest{On: true}
	n.replicas.each(func(r *replica.Ref) { r.Send(rest) })
	for _, peer := range n.peers() {
		if n.links.Up(peer) {
			n.do(func() { n.tell(peer, askRest, restBody(true)) })
		}
	}
	began, h := n.world.Now(), handover{asked: make(map[storage.ShardID]time.Time)}
	err := n.handAll(ctx, &h)
	now := n.world.Now()
	h.look(now, func(s storage.ShardID) bool { return !n.stillLeads(s) })
	n.log.Info("leaderships were handed over", "handed", h.handed, "longest", h.longest, "took", now.Sub(began), "left", len(h.asked))
	return err
}

// handAll has leaderships handed over until none is left to hand over, and notes what became of them.
func (n *Node) handAll(ctx context.Context, h *handover) error {
	var asked, empty time.Time // empty is when nothing was led any more
	for {
		now, led := n.world.Now(), n.movable()
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
				r.Send(&replica.Transfer{})
			}
		}
		if n.world.Wait(drainLook, ctx.Done()) == 0 {
			return ctx.Err()
		}
	}
}

// successorOf tells whether the replica here knows another one that leads, or is no more.
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
	asked   map[storage.ShardID]time.Time // those under way, and since when
	handed  int
	longest time.Duration // that one took, from when it was asked for until the next leader was heard of, or to the end
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
