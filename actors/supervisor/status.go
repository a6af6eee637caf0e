package supervisor

import (
	"iter"
	"maps"
	"slices"

	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// Status is what the supervisor shows: the nodes, the moves under way, and those that wait for
// room.
type Status struct {
	Nodes       []NodeStatus
	Moving      []Moving
	Planned     []Move    // not begun yet, in order
	BytesLeft   int64     // of the moves under way
	BytesPerSec float64   // at which replicas under way receive their logs
	Refused     []Refused `json:",omitempty"` // what __meta refuses, and is tried again later
}

// Refused is a change that __meta refused.
type Refused struct {
	What    string
	Why     string
	Seconds float64 // until it is tried again
}

// NodeStatus is one node.
type NodeStatus struct {
	ID       metadata.NodeID
	State    string
	Up       bool
	Rack     string    `json:",omitempty"`
	Version  string    `json:",omitempty"`
	Replicas int       // of partitions, those that come and those that leave included
	Leaders  int       // partitions that prefer it as leader
	Bytes    int64     // about what its replicas hold
	Meta     string    // its part in __meta: voter, learner or none
	Drain    *Draining `json:",omitempty"`
}

// Draining is how far the emptying of a node is.
type Draining struct {
	Partitions int     // that still have a replica there
	Bytes      int64   // about what the others still have to receive
	Seconds    float64 // how long that takes at the present rate; -1 if nothing moves
}

// Moving is a partition whose members change.
type Moving struct {
	Topic     string
	Partition int32
	To        []metadata.NodeID // on the way
	From      []metadata.NodeID // leaving
	// how much of the log the slowest newcomer has, 0 to 1; -1 if no leader tells
	Done      float64
	BytesLeft int64
	Waits     string `json:",omitempty"` // what for
	// changes that raft turned into nothing, and that were tried again
	Refused int `json:",omitempty"`
	// why it cannot end as things are; it then counts against no limit
	Stalled string `json:",omitempty"`
}

// partitions are all partitions of an image, without __meta, in order of topic and number.
func partitions(i *metadata.Image) iter.Seq[*metadata.Partition] {
	return func(yield func(*metadata.Partition) bool) {
		for _, name := range slices.Sorted(maps.Keys(i.Topics)) {
			for _, p := range i.Topics[name].Partitions {
				if !yield(p) {
					return
				}
			}
		}
	}
}

func (s *Supervisor) status(in Input) Status {
	out := Status{Planned: s.planned, BytesLeft: s.meter.left, BytesPerSec: s.meter.rate, Refused: s.refused()}
	nodes := make(map[metadata.NodeID]*NodeStatus)
	for _, id := range slices.Sorted(maps.Keys(in.Image.Nodes)) {
		nodes[id] = describe(in, in.Image.Nodes[id])
	}
	for p := range partitions(in.Image) {
		bytes := s.meter.size(p.Shard)
		for i, n := range p.Nodes() {
			node := nodes[n]
			if node == nil {
				continue
			}
			node.Replicas++
			node.Bytes += bytes
			if i == 0 {
				node.Leaders++
			}
			if node.Drain != nil {
				node.Drain.Partitions++
				node.Drain.Bytes += s.toGo(p, bytes)
			}
		}
		if p.Moving() {
			out.Moving = append(out.Moving, s.moving(in, p))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(nodes)) {
		node := nodes[id]
		if d := node.Drain; d != nil && d.Bytes > 0 {
			if d.Seconds = -1; s.meter.rate > 0 {
				d.Seconds = float64(d.Bytes) / s.meter.rate
			}
		}
		out.Nodes = append(out.Nodes, *node)
	}
	return out
}

// toGo is what newcomers of a partition have to receive before a replica can leave: all of it if
// none has been chosen yet.
func (s *Supervisor) toGo(p *metadata.Partition, bytes int64) int64 {
	if p.Moving() {
		return s.meter.leftOf(p.Shard)
	}
	return bytes
}

func describe(in Input, n *metadata.Node) *NodeStatus {
	s := &NodeStatus{ID: n.ID, State: n.State.String(), Up: in.Usable(n.ID), Rack: n.Rack, Version: n.Version, Meta: "none"}
	if n.State == metadata.Draining {
		s.Drain = &Draining{}
	}
	if in.Image.Meta == nil {
		return s
	}
	for _, r := range in.Image.Meta.Replicas {
		switch {
		case r.Node != n.ID:
		case r.Role == metadata.Voter && !r.Pending:
			s.Meta = "voter"
		default:
			s.Meta = "learner"
		}
	}
	return s
}

func (s *Supervisor) moving(in Input, p *metadata.Partition) Moving {
	m := Moving{Topic: p.Topic, Partition: p.Index, Done: -1, BytesLeft: s.meter.leftOf(p.Shard), Stalled: s.stalled(in, p)}
	for _, r := range p.Replicas {
		if r.Pending {
			m.To = append(m.To, r.Node)
		}
	}
	for _, r := range p.Leaving {
		m.From = append(m.From, r.Node)
	}
	if r, ok := s.meter.reports[p.Shard]; ok {
		m.Done, m.Waits, m.Refused = s.meter.done(r, pendingOf(p)), r.Waits, r.Refused
	}
	return m
}

func pendingOf(p *metadata.Partition) (pending []storage.ReplicaID) {
	for _, r := range p.Replicas {
		if r.Pending {
			pending = append(pending, r.ID)
		}
	}
	return pending
}
