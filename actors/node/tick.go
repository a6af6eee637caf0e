package node

import (
	"sync"
	"time"

	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/raft"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// tickEvery is one tick of raft's time.
const tickEvery = 100 * time.Millisecond

// tick advances the time of all replicas, from one ticker, until the node stops. A late tick is one
// tick: time that the process did not run does not count against a leader.
//
// A replica that leads, or knows who does, has nothing to do at most ticks: unless it hands
// leadership over, it gets calmTicks at once. To wake it costs more than what it then does. One
// that is idle is not woken at all as long as the others are heard of: see replica.Ref.Pass. Few
// replicas have their turn together, so that what they say goes in one frame; many in several
// parts, one after the other.
func (n *Node) tick() {
	one, now, parts := &replica.Tick{Ticks: 1}, uint64(0), uint64(1)
	said := 0 // to a node, at the tick before
	n.here.Every(tickEvery, func(time.Time) {
		now++
		all := n.replicas.now().refs
		for parts < calmTicks && len(all) > partReplicas*int(parts) {
			parts *= 2 // for good: what changes its part has a longer or a shorter pause once
		}
		says := beats{room: said}
		for _, r := range all {
			switch {
			case !r.Idle() && r.Hurries():
				r.Send(one)
			case (uint64(r.Shard)%parts*(calmTicks/parts)+now)%calmTicks == 0:
				n.pass(r, &says)
			}
		}
		said = says.send(n.here.Links)
		n.here.Links.Flush()
	})
}

// pass lets calmTicks pass for a replica.
func (n *Node) pass(r *replica.Ref, says *beats) {
	due, say := r.Pass(calmTicks)
	if due > 0 {
		r.Send(&replica.Tick{Ticks: due})
	}
	for _, s := range say {
		says.add(r.Shard, s)
	}
}

const (
	// calmTicks is how many ticks a calm replica takes at once: as many as lie between two heartbeats,
	// far fewer than an election timeout has.
	calmTicks = raft.HeartbeatTicks
	// partReplicas is how many replicas have their turn together, before there are calmTicks parts.
	partReplicas = 256
)

const (
	balanceEvery = time.Second
	calmBefore   = 2 * time.Second // a preferred leader's node must be up this long
	balanceLimit = 64              // leaderships handed back at once
)

// balance hands leaderships back to the preferred leaders, whose places are even by construction,
// once their nodes have been up and in sync for a while. A node in maintenance gives all of its own
// away instead.
func (n *Node) balance() {
	rests := false
	n.here.Every(balanceEvery, func(now time.Time) { rests = n.settleLeaders(now, rests) })
}

// handBack starts the transfers that are due.
func (n *Node) handBack(now time.Time) {
	left := balanceLimit
	all := n.replicas.now()
	for _, s := range all.shards {
		if left == 0 {
			return
		}
		if to := n.preferred(s, all.byShard[s], now); to != 0 {
			all.byShard[s].ref.Send(&replica.Transfer{To: to})
			left--
		}
	}
}

// preferred returns the replica that a led shard should be handed to; 0 to keep it.
func (n *Node) preferred(s storage.ShardID, h *hosted, now time.Time) storage.ReplicaID {
	v := h.ref.View()
	if s == metadata.MetaShard || v.Role != replica.Leader || len(h.ref.Members()) == 0 {
		return 0
	}
	first := h.ref.Members()[0]
	if first.Replica == h.ref.Replica || n.rests(first.Node) || n.calm.of(first.Node, now) < calmBefore {
		return 0
	}
	for _, r := range v.InSync {
		if r == first.Replica {
			return r
		}
	}
	return 0
}

// calm remembers since when each peer is up.
type calm struct {
	mu    sync.Mutex
	since map[metadata.NodeID]time.Time
}

func (c *calm) look(now time.Time, peers []metadata.NodeID, up func(metadata.NodeID) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.since == nil {
		c.since = make(map[metadata.NodeID]time.Time)
	}
	for _, p := range peers {
		_, known := c.since[p]
		switch {
		case !up(p):
			delete(c.since, p)
		case !known:
			c.since[p] = now
		}
	}
}

// of returns how long a peer has been up, 0 if it is not.
func (c *calm) of(n metadata.NodeID, now time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	since, ok := c.since[n]
	if !ok {
		return 0
	}
	return now.Sub(since)
}
