package health

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// Picture is what one node knows of a cluster.
type Picture struct {
	Image      *metadata.Image
	MetaLeader metadata.NodeID // -1 if unknown
	Alive      func(metadata.NodeID) bool
	Leader     func(storage.ShardID) Leader
	Reports    map[metadata.NodeID]Report // of the nodes that answered
	// TopicSetting is the value of a topic's setting that counts here.
	TopicSetting func(t *metadata.Topic, name string) string
}

// Leader is who leads a shard, as far as it is known.
type Leader struct {
	Known  bool
	Node   metadata.NodeID
	InSync []metadata.NodeID // nodes whose voters are in sync, its own among them
}

// Cluster is how a cluster is. What is printed of it in JSON is for programs: fields are added, not
// renamed.
type Cluster struct {
	ClusterID  string           `json:"cluster_id"`
	Healthy    bool             `json:"healthy"`
	MetaLeader metadata.NodeID  `json:"metadata_leader"` // -1 if unknown
	Features   map[string]int16 `json:"features"`
	Nodes      []Node           `json:"nodes"`
	Partitions Partitions       `json:"partitions"`
	Problems   []Problem        `json:"problems"`
	// Recoveries are the times when the operator gave majorities up.
	Recoveries []metadata.Recovery `json:"recoveries,omitempty"`
}

// Node is how one of its nodes is.
type Node struct {
	ID       metadata.NodeID `json:"id"`
	Up       bool            `json:"up"`
	State    string          `json:"state"` // what the operator wants of it
	Version  string          `json:"version"`
	Rack     string          `json:"rack,omitempty"`
	Kafka    string          `json:"kafka"` // its first advertised listener
	Votes    bool            `json:"metadata_voter"`
	Replicas int             `json:"replicas"` // of partitions, by the metadata
	Prefers  int             `json:"preferred_leaders"`
	Leaders  int             `json:"leaders"`
	DiskUsed int64           `json:"disk_used_bytes"`
	DiskFree int64           `json:"disk_free_bytes"`
}

// Partitions counts partitions, __meta among them.
type Partitions struct {
	Total           int `json:"total"`
	Leaderless      int `json:"leaderless"`
	UnderReplicated int `json:"under_replicated"`
	Moving          int `json:"moving"`
	Quarantined     int `json:"quarantined"` // replicas
	Lagging         int `json:"lagging"`     // members
	Readers         int `json:"read_replicas"`
}

// Problem is one thing that is not as it should be.
type Problem struct {
	Kind      Kind              `json:"kind"`
	Node      metadata.NodeID   `json:"node"`                // -1 if it is no node's
	Partition string            `json:"partition,omitempty"` // topic-number, __meta for the metadata
	Replica   storage.ReplicaID `json:"replica,omitempty"`
	MS        int64             `json:"since_ms,omitempty"`
	Reason    string            `json:"reason"`
}

// Kind is what a problem is about, the worst first.
type Kind string

// The kinds.
const (
	Apart           Kind = "no-cluster"
	Leaderless      Kind = "leaderless"
	OutOfService    Kind = "quarantined"
	NodeDown        Kind = "node-down"
	NodeSilent      Kind = "node-silent"
	Waiting         Kind = "waiting"
	UnderReplicated Kind = "under-replicated"
	Lagging         Kind = "lagging"
	Aside           Kind = "set-aside"
	Resting         Kind = "not-active"
	Moving          Kind = "moving"
	TooFew          Kind = "too-few-replicas"
)

var gravity = []Kind{Apart, Leaderless, OutOfService, NodeDown, NodeSilent, Waiting, UnderReplicated, Lagging, Aside, Resting, TooFew, Moving}

// harmless kinds are told, but a cluster with nothing else is healthy: somebody wants it so.
var harmless = []Kind{Aside, Resting, TooFew, Moving}

// passing kinds may be over in a moment, if nothing else is wrong.
var passing = []Kind{Leaderless, UnderReplicated}

// Assess judges.
func (p Picture) Assess() Cluster {
	c := Cluster{ClusterID: p.Image.ClusterID, MetaLeader: p.MetaLeader, Features: make(map[string]int16), Problems: []Problem{}, Recoveries: p.Image.Recoveries}
	for _, name := range p.Image.FeaturesInUse() {
		c.Features[name] = p.Image.Feature(name)
	}
	if c.ClusterID == "" || len(p.Image.Nodes) == 0 {
		c.Problems = append(c.Problems, Problem{Kind: Apart, Node: -1, Reason: "this node is a member of no cluster: it has not joined or formed one yet, or its disk was given up"})
	}
	for _, id := range slices.Sorted(maps.Keys(p.Image.Nodes)) {
		c.Nodes = append(c.Nodes, p.node(p.Image.Nodes[id], &c))
	}
	p.each(func(part *metadata.Partition) { p.partition(part, &c) })
	for _, id := range slices.Sorted(maps.Keys(p.Reports)) {
		p.report(p.Reports[id], &c)
	}
	slices.SortStableFunc(c.Problems, func(a, b Problem) int {
		return cmp.Compare(slices.Index(gravity, a.Kind), slices.Index(gravity, b.Kind))
	})
	c.Healthy = !slices.ContainsFunc(c.Problems, func(x Problem) bool { return !slices.Contains(harmless, x.Kind) })
	return c
}

// Passing reports whether all that is wrong may be over in a moment: a voter that is up is a little
// behind under load, or a leadership is on its way from one node to another. Only another look
// reports whether it stays.
func (c *Cluster) Passing() bool {
	return !c.Healthy && !slices.ContainsFunc(c.Problems, func(x Problem) bool { return !slices.Contains(harmless, x.Kind) && !slices.Contains(passing, x.Kind) })
}

func (p Picture) each(visit func(*metadata.Partition)) { Each(p.Image, visit) }

// Each visits all partitions, __meta first, then in order of topic.
func Each(i *metadata.Image, visit func(*metadata.Partition)) {
	if i.Meta != nil {
		visit(i.Meta)
	}
	for _, name := range slices.Sorted(maps.Keys(i.Topics)) {
		for _, part := range i.Topics[name].Partitions {
			visit(part)
		}
	}
}

// Name is what a partition is called.
func Name(p *metadata.Partition) string {
	if p.Shard == metadata.MetaShard {
		return "__meta"
	}
	return fmt.Sprintf("%s-%d", p.Topic, p.Index)
}

func (p Picture) node(n *metadata.Node, c *Cluster) Node {
	r, answered := p.Reports[n.ID]
	out := Node{ID: n.ID, Up: p.Alive(n.ID), State: n.State.String(), Version: n.Version, Rack: n.Rack, DiskUsed: r.DiskUsed, DiskFree: r.DiskFree}
	if len(n.Listeners) > 0 {
		out.Kafka = fmt.Sprintf("%s:%d", n.Listeners[0].Host, n.Listeners[0].Port)
	}
	problem := func(k Kind, format string, args ...any) {
		c.Problems = append(c.Problems, Problem{Kind: k, Node: n.ID, Reason: fmt.Sprintf(format, args...)})
	}
	switch {
	case !out.Up:
		problem(NodeDown, "this node cannot reach it")
	case !answered:
		problem(NodeSilent, "it is linked but did not report in time")
	case r.Draining:
		problem(Resting, "it hands its leaderships over, in order to stop")
	}
	if n.State != metadata.Active {
		problem(Resting, "it is %s", n.State)
	}
	return out
}

// nodeOf returns what was counted for a node so far.
func (c *Cluster) nodeOf(id metadata.NodeID) *Node {
	for i := range c.Nodes {
		if c.Nodes[i].ID == id {
			return &c.Nodes[i]
		}
	}
	return &Node{} // a replica on a node that is gone
}

func (p Picture) partition(part *metadata.Partition, c *Cluster) {
	c.Partitions.Total++
	meta := part.Shard == metadata.MetaShard
	l := p.Leader(part.Shard)
	for i, r := range part.Replicas {
		n := c.nodeOf(r.Node)
		switch {
		case meta:
			n.Votes = n.Votes || r.Role == metadata.Voter
			continue
		case r.Role == metadata.Reader:
			c.Partitions.Readers++
		case i == 0:
			n.Prefers++
		}
		n.Replicas++
	}
	problem := func(k Kind, format string, args ...any) {
		c.Problems = append(c.Problems, Problem{Kind: k, Node: -1, Partition: Name(part), Reason: fmt.Sprintf(format, args...)})
	}
	up, behind := p.voters(part, l)
	switch {
	case !l.Known:
		c.Partitions.Leaderless++
		problem(Leaderless, "%s", p.whyLeaderless(part, up))
	case len(behind) > 0:
		c.Partitions.UnderReplicated++
		problem(UnderReplicated, "not in sync: %s", p.describe(behind))
	}
	if l.Known && !meta {
		c.nodeOf(l.Node).Leaders++
	}
	if more := min(part.Wanted, p.Image.Homes()); part.Voters() < more {
		problem(TooFew, "%d of the %d replicas that it should have; the others come by themselves", part.Voters(), part.Wanted)
	}
	if part.Moving() {
		c.Partitions.Moving++
		m := part.Reassignment()
		problem(Moving, "to nodes %v, adding %v, removing %v", without(m.Replicas, m.Removing), m.Adding, m.Removing)
	}
}

// voters returns the nodes of a partition's voters that are up, and those that are not in sync.
func (p Picture) voters(part *metadata.Partition, l Leader) (up, behind []metadata.NodeID) {
	for _, r := range part.Members() {
		if r.Role == metadata.Voter && !r.Lost && p.Alive(r.Node) && !slices.Contains(up, r.Node) {
			up = append(up, r.Node)
		}
	}
	for _, r := range part.Replicas {
		if r.Role != metadata.Voter {
			continue
		}
		if !slices.Contains(l.InSync, r.Node) && !r.Pending {
			behind = append(behind, r.Node)
		}
	}
	return up, behind
}

func (p Picture) whyLeaderless(part *metadata.Partition, up []metadata.NodeID) string {
	for _, voters := range p.electorates(part) {
		if up, need := both(voters, up), len(voters)/2+1; len(up) < need {
			return fmt.Sprintf("of %d voters only %d are up, %d are needed: %s", len(voters), len(up), need, p.describe(without(voters, up)))
		}
	}
	return "a majority is up and elects"
}

// describe names nodes and says which of them are down.
func (p Picture) describe(nodes []metadata.NodeID) string {
	out := ""
	for i, n := range nodes {
		if i > 0 {
			out += ", "
		}
		switch {
		case n == nobody:
			out += "a replica that is lost"
		case p.Alive(n):
			out += fmt.Sprintf("node %d", n)
		default:
			out += fmt.Sprintf("node %d (down)", n)
		}
	}
	return out
}

func without(all, some []metadata.NodeID) []metadata.NodeID {
	return slices.DeleteFunc(slices.Clone(all), func(n metadata.NodeID) bool { return slices.Contains(some, n) })
}

// report takes in what a node says of what is on it.
func (p Picture) report(r Report, c *Cluster) {
	name := func(s storage.ShardID) string {
		if part := p.Image.Shard(s); part != nil {
			return Name(part)
		}
		return fmt.Sprintf("shard %d", s)
	}
	for _, q := range r.Quarantined {
		c.Partitions.Quarantined++
		c.Problems = append(c.Problems, Problem{Kind: OutOfService, Node: r.Node, Partition: name(q.Shard), Replica: q.Replica, Reason: q.Cause})
	}
	for _, a := range r.SetAside {
		c.Problems = append(c.Problems, Problem{Kind: Aside, Node: r.Node, MS: a.MS,
			Reason: fmt.Sprintf("a damaged store was set aside and what it held was replaced; it is kept as %s (%d MiB): %s", a.Dir, a.Bytes>>20, a.Cause)})
	}
	for _, b := range r.Behind {
		c.Partitions.Lagging++
		why := fmt.Sprintf("%d entries behind", b.Entries)
		if !b.InReach {
			why += ", not heard of"
		}
		if b.Learner {
			why += ", does not vote"
		}
		c.Problems = append(c.Problems, Problem{Kind: Lagging, Node: b.Node, Partition: name(b.Shard), Replica: b.Replica, MS: b.MS, Reason: why})
	}
	for _, w := range r.Waits {
		x := Problem{Kind: Waiting, Node: r.Node, Replica: w.Replica, MS: w.MS, Reason: string(w.Phase)}
		if w.Shard != 0 {
			x.Partition = name(w.Shard)
		}
		if w.Detail != "" {
			x.Reason += ": " + w.Detail
		}
		c.Problems = append(c.Problems, x)
	}
}
