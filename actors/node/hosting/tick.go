package hosting

import (
	"time"

	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/raft"
)

// tickEvery is one tick of raft's time.
const tickEvery = 100 * time.Millisecond

// Tick advances the time of all replicas, from one ticker, until the node stops. A late tick is one
// tick: time that the process did not run does not count against a leader.
//
// A replica that leads, or knows who does, has nothing to do at most ticks: unless it hands
// leadership over, it gets calmTicks at once. To wake it costs more than what it then does. One
// that is idle is not woken at all as long as the others are heard of: see replica.Ref.Pass. Few
// replicas have their turn together, so that what they say goes in one frame; many in several
// parts, one after the other.
func (hs *Hosting) Tick() {
	one, now, parts := &replica.Tick{Ticks: 1}, uint64(0), uint64(1)
	said := 0 // to a node, at the tick before
	hs.here.Every(tickEvery, func(time.Time) {
		now++
		all := hs.replicas.now().refs
		for parts < calmTicks && len(all) > partReplicas*int(parts) {
			parts *= 2 // for good: what changes its part has a longer or a shorter pause once
		}
		says := beats{room: said}
		for _, r := range all {
			switch {
			case !r.Idle() && r.Hurries():
				r.Send(one)
			case (uint64(r.Shard)%parts*(calmTicks/parts)+now)%calmTicks == 0:
				hs.pass(r, &says)
			}
		}
		said = says.send(hs.here.Links)
		hs.here.Links.Flush()
	})
}

// pass lets calmTicks pass for a replica.
func (hs *Hosting) pass(r *replica.Ref, says *beats) {
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
