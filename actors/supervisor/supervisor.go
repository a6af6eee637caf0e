package supervisor

import (
	"maps"
	"slices"

	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// Limits bound what the supervisor has under way at once.
type Limits struct {
	Moves     int   // partitions whose members change
	PerNode   int   // replicas on their way to one node
	Bytes     int64 // that these replicas still have to receive; one move goes on however large it is
	Reordered int   // partitions whose preferred leader changes
	// Patience is how many seconds a node may be unusable before what is on its way to it goes
	// elsewhere, and a move may stand still before it stops to count against the limits.
	Patience float64
}

// DefaultLimits leave most of the disks and the network to clients.
var DefaultLimits = Limits{Moves: 32, PerNode: 4, Bytes: 16 << 30, Reordered: 64, Patience: 60}

// Report is what the leader of a shard tells of it, or, with Pulled and nothing else, a replica
// that receives the log as a whole.
type Report struct {
	Shard   storage.ShardID
	Bytes   int64 // about how large the log is
	Last    uint64
	Start   uint64
	Matches []Match `json:",omitempty"` // while members change
	Waits   string  `json:",omitempty"`
	Refused int     `json:",omitempty"`
	Pulled  *Match  `json:",omitempty"`
}

// Match is how far a member's log is known to be the leader's.
type Match struct {
	Replica storage.ReplicaID
	Upto    uint64
}

// Input is what the supervisor looks at.
type Input struct {
	Image   *metadata.Image
	Usable  func(metadata.NodeID) bool // up, and for some time
	Reports []Report
	Seconds float64 // since the last look; 0 if there was none
	// Internal is how many voters the cluster's own topics should have that do not say so themselves;
	// 0 is what they have.
	Internal int
}

// Output is what follows from a look.
type Output struct {
	// to be given to __meta, all of them before the next look; Answered is told what became of each
	Commands []metadata.Command
	Why      map[storage.ShardID]Reason
	Status   Status
}

// Supervisor decides where replicas and leaders go. It has one owner and is pure: what it says
// follows from what it was told.
type Supervisor struct {
	limits  Limits
	basis   []basis // what the plan was made for
	planned []Move  // and what of it is not begun
	meter   meter
	watch   watch
	held    map[string]hold
	clock   float64 // seconds that all looks together have taken
}

// basis is a node or a partition as far as a plan depends on it and does not change it.
type basis struct {
	id          uint64
	node        bool
	incarnation uint64
	state       metadata.NodeState
	rack        string
	usable      bool
	gone        bool // given up: what is on its way there goes elsewhere
	wanted      int  // voters of a partition
}

// New makes a supervisor that has seen nothing.
func New(l Limits) *Supervisor { return &Supervisor{limits: l, held: make(map[string]hold)} }

// Look plans anew and says what to do next. What was begun earlier and is not finished counts as
// done: it is not begun again, and nothing is planned on top of it unless it must be.
func (s *Supervisor) Look(in Input) Output {
	s.clock += in.Seconds
	s.forget()
	s.meter.read(in)
	s.watch.read(in, &s.meter)
	gone := s.watch.gaveUp(s.limits.Patience)
	out := Output{Why: make(map[storage.ShardID]Reason)}
	add := func(c metadata.Command) {
		if !s.waits(c) {
			out.Commands = append(out.Commands, c)
		}
	}
	for _, n := range Emptied(in.Image) {
		add(metadata.Command{RemoveNode: &metadata.RemoveNode{Node: n}})
	}
	if m, ok := planMeta(in.Image, in.Usable, gone); ok && len(out.Commands) == 0 {
		add(m.command())
	}
	moves := s.plan(in, gone)
	begun := s.begin(in, moves)
	s.planned = nil
	for i, m := range moves {
		if slices.Contains(begun, i) {
			out.Commands, out.Why[m.Shard] = append(out.Commands, m.command()), m.Why
		} else {
			s.planned = append(s.planned, m)
		}
	}
	out.Status = s.status(in)
	return out
}

// plan goes on with the plan there is, as long as it was made for the same nodes and partitions and
// nobody else has moved what it moves. A plan made anew in the middle of another might move more
// than that one.
func (s *Supervisor) plan(in Input, gone map[metadata.NodeID]bool) []Move {
	now := basisOf(in, gone)
	stale := func(m Move) bool {
		p := in.Image.Shard(m.Shard)
		return p == nil || !slices.EqualFunc(m.Seen, p.Replicas, func(id storage.ReplicaID, r metadata.Replica) bool { return id == r.ID })
	}
	if len(s.planned) > 0 && slices.Equal(s.basis, now) && !slices.ContainsFunc(s.planned, stale) {
		return s.planned
	}
	s.basis = now
	return plan(planning{in.Image, in.Usable, gone, in.Internal})
}

func basisOf(in Input, gone map[metadata.NodeID]bool) (all []basis) {
	for _, id := range slices.Sorted(maps.Keys(in.Image.Nodes)) {
		n := in.Image.Nodes[id]
		all = append(all, basis{uint64(id), true, n.Incarnation, n.State, n.Rack, in.Usable(id), gone[id], 0})
	}
	for p := range partitions(in.Image) {
		all = append(all, basis{id: uint64(p.Shard), wanted: wanted(in.Image, p, in.Internal)})
	}
	return all
}

func (m *Move) command() metadata.Command {
	return metadata.Command{AlterReplicas: &metadata.AlterReplicas{Shard: m.Shard, Seen: m.Seen, Targets: m.Targets}}
}

// begin chooses which of the planned moves the limits let begin now.
func (s *Supervisor) begin(in Input, moves []Move) (begun []int) {
	under, reordered, left := 0, 0, int64(0)
	incoming := make(map[metadata.NodeID]int)
	for p := range partitions(in.Image) {
		if !p.Moving() || s.stalled(in, p) != "" {
			continue
		}
		under++
		left += s.meter.leftOf(p.Shard)
		for _, r := range p.Replicas {
			if r.Pending {
				incoming[r.Node]++
			}
		}
	}
	full := under > 0 && left > s.limits.Bytes
	for i, m := range moves {
		if s.waits(m.command()) {
			continue
		}
		if m.Why == Lead {
			if reordered++; reordered <= s.limits.Reordered {
				begun = append(begun, i)
			}
			continue
		}
		to := m.newcomers(in.Image)
		if full || under >= s.limits.Moves || slices.ContainsFunc(to, func(n metadata.NodeID) bool { return incoming[n] >= s.limits.PerNode }) {
			continue
		}
		under++
		for _, n := range to {
			incoming[n]++
		}
		begun = append(begun, i)
	}
	return begun
}

// newcomers are the nodes that a move brings a replica to; one that is taken back before it has
// left brings nothing.
func (m *Move) newcomers(image *metadata.Image) (nodes []metadata.NodeID) {
	p := image.Shard(m.Shard)
	for _, t := range m.Targets {
		if !slices.ContainsFunc(p.Members(), func(r metadata.Replica) bool { return r.Node == t.Node && !image.Lost(r) }) {
			nodes = append(nodes, t.Node)
		}
	}
	return nodes
}
