package supervisor

import (
	"cmp"
	"maps"
	"slices"

	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// Reason is why a partition's replicas are to be others, or in another order. The more urgent is
// the smaller.
type Reason uint8

const (
	// Restore gives a replica whose disk is lost a successor.
	Restore Reason = iota
	// Drain takes a replica off a node that is being emptied.
	Drain
	// Redirect takes a replica that has not come yet to another node, because its node has been down
	// for long.
	Redirect
	// Fill gives a partition the voters that it should have and never had.
	Fill
	// Spread puts a partition's replicas into different racks.
	Spread
	// Balance takes a replica from a node that has more than others.
	Balance
	// Lead changes only who is preferred as leader.
	Lead
)

var reasons = [...]string{"restore", "drain", "redirect", "fill", "spread", "balance", "lead"}

func (r Reason) String() string { return reasons[r] }

// MarshalText implements encoding.TextMarshaler.
func (r Reason) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Reason) UnmarshalText(b []byte) error {
	*r = Reason(max(0, slices.Index(reasons[:], string(b))))
	return nil
}

// Move is one partition's change of replicas.
type Move struct {
	Topic     string
	Partition int32
	Shard     storage.ShardID
	Why       Reason
	Seen      []storage.ReplicaID // the replicas that the move was planned for
	Targets   []metadata.Target
}

// Plan returns the moves that make the cluster as it shall be, the urgent first: nothing on nodes
// that are emptied, no replica lost, every partition with the voters it should have, in as many
// racks as can be, on the nodes that are usable as many replicas as on any other, give or take one,
// and likewise preferred leaders. It moves as few replicas as that takes, and nothing at all if the
// cluster is so already. It depends on nothing but its arguments.
//
// Nodes that are not usable, because they are down, neither receive replicas nor give any away
// unless they are emptied.
func Plan(image *metadata.Image, usable func(metadata.NodeID) bool) []Move {
	return plan(planning{image: image, usable: usable})
}

// planning is what a plan is made of.
type planning struct {
	image    *metadata.Image
	usable   func(metadata.NodeID) bool
	gone     map[metadata.NodeID]bool // down for so long that what is on its way there goes elsewhere
	internal int                      // voters of the cluster's own topics
}

// plan is Plan with all that the supervisor knows.
func plan(in planning) []Move {
	s := survey(in)
	for _, p := range s.parts {
		s.restore(p)
		s.redirect(p, in.gone)
	}
	for _, p := range s.parts {
		s.fill(p)
	}
	for _, p := range s.parts {
		s.spread(p)
	}
	s.balance()
	s.lead()
	var moves []Move
	for _, p := range s.parts {
		if p.changed {
			moves = append(moves, p.move())
		}
	}
	slices.SortStableFunc(moves, func(a, b Move) int { return cmp.Compare(a.Why, b.Why) })
	return moves
}

// state is a plan under construction: the cluster as it will be after the moves so far.
type state struct {
	image *metadata.Image
	homes []*home // nodes that replicas may be on, in order of id
	byID  map[metadata.NodeID]*home
	parts []*part // in order of shard
	racks int     // of the usable homes
}

// home is a node that replicas may be on.
type home struct {
	id       metadata.NodeID
	rack     string
	usable   bool
	replicas int
	leaders  int // partitions that prefer it
}

// part is a partition.
type part struct {
	is      *metadata.Partition
	targets []metadata.Target
	settled bool // its members are as the metadata wants them: only then is it moved without need
	changed bool
	wanted  int // voters that it should have; 0 is what it has
	why     Reason
}

func survey(in planning) *state {
	image, usable := in.image, in.usable
	s := &state{image: image, byID: make(map[metadata.NodeID]*home)}
	racks := make(map[string]bool)
	for _, id := range slices.Sorted(maps.Keys(image.Nodes)) {
		n := image.Nodes[id]
		if image.MayPlace(id) != nil {
			continue
		}
		h := &home{id: id, rack: n.Rack, usable: usable(id)}
		s.homes, s.byID[id] = append(s.homes, h), h
		if h.usable {
			racks[h.rack] = true
		}
	}
	s.racks = len(racks)
	for _, t := range image.Topics {
		for _, is := range t.Partitions {
			p := &part{is: is, settled: !is.Moving(), wanted: wanted(image, is, in.internal)}
			for i, r := range is.Replicas {
				p.targets = append(p.targets, metadata.Target{Node: r.Node, Role: r.Role})
				if h := s.byID[r.Node]; h != nil {
					h.replicas++
					if i == 0 {
						h.leaders++
					}
				}
			}
			s.parts = append(s.parts, p)
		}
	}
	slices.SortFunc(s.parts, func(a, b *part) int { return cmp.Compare(a.is.Shard, b.is.Shard) })
	return s
}

func (p *part) move() Move {
	m := Move{Topic: p.is.Topic, Partition: p.is.Index, Shard: p.is.Shard, Why: p.why, Targets: p.targets}
	for _, r := range p.is.Replicas {
		m.Seen = append(m.Seen, r.ID)
	}
	return m
}

func (p *part) on(n metadata.NodeID) bool {
	return slices.ContainsFunc(p.targets, func(t metadata.Target) bool { return t.Node == n })
}

// change notes why a partition is moved: the first reason counts.
func (p *part) change(why Reason) {
	if !p.changed {
		p.changed, p.why = true, why
	}
}

// restore plans what must be: successors of lost replicas where they were, and others for those on
// nodes that are emptied or gone.
func (s *state) restore(p *part) {
	for i, r := range p.is.Replicas {
		h := s.byID[r.Node]
		n := s.image.Nodes[r.Node]
		switch {
		case h != nil && h.usable && s.image.Lost(r):
			p.change(Restore)
		case h == nil && (n == nil || n.State != metadata.Replacing):
			if to := s.best(p, i); to != nil {
				s.replace(p, i, to, Drain)
			}
		}
	}
}

// replace gives a target to another node.
func (s *state) replace(p *part, i int, to *home, why Reason) {
	if from := s.byID[p.targets[i].Node]; from != nil {
		from.replicas--
		if i == 0 {
			from.leaders--
		}
	}
	to.replicas++
	if i == 0 {
		to.leaders++
	}
	p.targets[i].Node = to.id
	p.change(why)
}

// best returns the usable node for a partition's target i that has the fewest replicas, in a rack
// of its own if there is one.
func (s *state) best(p *part, i int) *home {
	var best *home
	for _, h := range s.homes {
		if h.usable && !p.on(h.id) && (best == nil || s.compare(p, i, h, best) < 0) {
			best = h
		}
	}
	return best
}

func (s *state) compare(p *part, i int, a, b *home) int {
	return cmp.Or(cmp.Compare(s.inRack(p, i, a.rack), s.inRack(p, i, b.rack)), cmp.Compare(a.replicas, b.replicas), cmp.Compare(a.leaders, b.leaders))
}

// inRack counts a partition's replicas in a rack, target i left out.
func (s *state) inRack(p *part, i int, rack string) (n int) {
	for j, t := range p.targets {
		if h := s.byID[t.Node]; j != i && h != nil && h.rack == rack {
			n++
		}
	}
	return n
}

// spread takes replicas out of racks that have several of them while others have none.
func (s *state) spread(p *part) {
	if !p.settled && !p.changed {
		return
	}
	for i, t := range slices.Backward(p.targets) { // rather followers than the leader
		h := s.byID[t.Node]
		if h == nil || !h.usable || s.inRack(p, i, h.rack) == 0 {
			continue
		}
		if to := s.best(p, i); to != nil && s.inRack(p, i, to.rack) == 0 {
			s.replace(p, i, to, Spread)
		}
	}
}

// newcomer reports whether a target is on a node that the partition has no replica on yet.
func (p *part) newcomer(i int) bool {
	return !slices.ContainsFunc(p.is.Replicas, func(r metadata.Replica) bool { return r.Node == p.targets[i].Node })
}
