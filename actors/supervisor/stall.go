package supervisor

import (
	"fmt"
	"maps"
	"slices"

	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// watch knows for how long nodes have been unusable and moves have not progressed. It only counts
// the seconds between looks, so a new leader of __meta begins to count anew.
type watch struct {
	away  map[metadata.NodeID]float64
	moves map[storage.ShardID]progress
}

// progress is how far a move was when it was seen to progress last, and for how long it has not
// since.
type progress struct {
	at      mark
	seconds float64
}

// mark is everything that changes when a move progresses.
type mark struct {
	version, settled uint64
	pending, leaving int
	upto             uint64 // sum of what the newcomers have
}

// read takes one look into account.
func (w *watch) read(in Input, m *meter) {
	away := make(map[metadata.NodeID]float64)
	for id := range in.Image.Nodes {
		if !in.Usable(id) {
			away[id] = w.away[id] + in.Seconds
		}
	}
	moves := make(map[storage.ShardID]progress)
	for p := range partitions(in.Image) {
		if !p.Moving() {
			continue
		}
		now := progress{at: m.mark(p)}
		if before, known := w.moves[p.Shard]; known && before.at == now.at {
			now.seconds = before.seconds + in.Seconds
		}
		moves[p.Shard] = now
	}
	w.away, w.moves = away, moves
}

// mark tells how far a move is.
func (m *meter) mark(p *metadata.Partition) mark {
	pending := pendingOf(p)
	at := mark{version: p.Version, settled: p.Settled, pending: len(pending), leaving: len(p.Leaving)}
	for _, id := range pending {
		upto := m.pulled[id]
		for _, match := range m.reports[p.Shard].Matches {
			if match.Replica == id {
				upto = max(upto, match.Upto)
			}
		}
		at.upto += upto
	}
	return at
}

// gaveUp returns the nodes that have been unusable for longer than the limit: what is on its way to
// one of them goes elsewhere.
func (w *watch) gaveUp(patience float64) map[metadata.NodeID]bool {
	gone := make(map[metadata.NodeID]bool)
	for id, seconds := range w.away {
		gone[id] = seconds >= patience
	}
	maps.DeleteFunc(gone, func(_ metadata.NodeID, over bool) bool { return !over })
	return gone
}

// stalled tells why a move cannot end as things are, empty if it can. Such a move does not count
// against the limits: others must not wait for it. It counts again as soon as it progresses.
func (s *Supervisor) stalled(in Input, p *metadata.Partition) string {
	for _, r := range p.Replicas {
		if r.Pending && r.Role == metadata.Voter && !in.Usable(r.Node) {
			return fmt.Sprintf("node %d, which a replica is on its way to, is down", r.Node)
		}
	}
	if voters := p.Electorate(); !majority(in, voters) {
		return fmt.Sprintf("too few of the %d replicas that vote now are up", len(voters))
	}
	to := slices.DeleteFunc(slices.Clone(p.Replicas), func(r metadata.Replica) bool { return r.Role != metadata.Voter })
	if !majority(in, to) {
		return fmt.Sprintf("too few of the %d replicas that shall vote are up", len(to))
	}
	if still := s.watch.moves[p.Shard].seconds; still >= s.limits.Patience {
		return fmt.Sprintf("no progress for %d s", int(still))
	}
	return ""
}

// majority reports whether a majority of voters is up.
func majority(in Input, voters []metadata.Replica) bool {
	up := 0
	for _, r := range voters {
		if in.Usable(r.Node) && !in.Image.Lost(r) {
			up++
		}
	}
	return up > len(voters)/2
}

// hold is a command that __meta refused, which is not tried again before a pause is over.
type hold struct {
	command metadata.Command
	why     string
	until   float64 // on the supervisor's clock
	pause   float64
}

// Pauses between two tries of a command that is refused, in seconds.
const (
	firstPause = 1
	maxPause   = 60
)

// key names what a command is about.
func key(c metadata.Command) string {
	switch {
	case c.AlterReplicas != nil:
		return fmt.Sprint("replicas of shard ", c.AlterReplicas.Shard)
	case c.RemoveNode != nil:
		return fmt.Sprint("removal of node ", c.RemoveNode.Node)
	}
	return "other"
}

// Answered tells the supervisor what became of a command: nil if __meta took it. One that was
// refused is held back for a while, and longer each time, so that it neither fills the log of
// __meta nor has others wait.
func (s *Supervisor) Answered(c metadata.Command, refusal error) {
	k := key(c)
	if refusal == nil {
		delete(s.held, k)
		return
	}
	pause := min(maxPause, max(firstPause, 2*s.held[k].pause))
	s.held[k] = hold{command: c, why: refusal.Error(), until: s.clock + pause, pause: pause}
}

// waits reports whether a command is held back.
func (s *Supervisor) waits(c metadata.Command) bool {
	h, held := s.held[key(c)]
	return held && s.clock < h.until
}

// forget drops what is known of refusals that are long over.
func (s *Supervisor) forget() {
	maps.DeleteFunc(s.held, func(_ string, h hold) bool { return s.clock > h.until+maxPause })
}

// refused lists what is held back, in order of name.
func (s *Supervisor) refused() (all []Refused) {
	for _, k := range slices.Sorted(maps.Keys(s.held)) {
		h := s.held[k]
		all = append(all, Refused{What: k, Why: h.why, Seconds: max(0, h.until-s.clock)})
	}
	return all
}
