package metadata

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/storage"
)

// leave moves a replica to those that go. The caller owns p, but not its lists.
func (p *Partition) leave(r Replica, lost bool) {
	r.Lost = r.Lost || lost
	p.Leaving = append(slices.Clone(p.Leaving), r)
}

// set replaces a partition by another version of itself.
func (i *Image) set(p *Partition) {
	if p.Shard == MetaShard {
		i.Meta = p
		return
	}
	t := *i.ByID[p.TopicID]
	t.Partitions = slices.Clone(t.Partitions)
	t.Partitions[p.Index] = p
	i.setTopic(&t)
}

func (c *AlterReplicas) apply(i *Image, _ *Result) *protocol.Error {
	before := i.Shard(c.Shard)
	if before == nil {
		return protocol.Errorf(kerr.UnknownTopicOrPartition, "there is no such partition any more")
	}
	if c.Seen != nil && !slices.Equal(c.Seen, ids(before.Replicas)) {
		return protocol.Errorf(kerr.InvalidRequest, "the replicas of %s-%d were changed meanwhile: look again", before.Topic, before.Index)
	}
	if err := c.check(i, before); err != nil {
		return err
	}
	p := *before
	p.Version, p.Replicas, p.Leaving = i.Index, nil, nil
	stay := make(map[storage.ReplicaID]bool)
	for _, t := range c.Targets {
		r, ok := before.keep(i, t)
		if !ok {
			r = i.allocate(i.Nodes[t.Node], t.Role)
		}
		stay[r.ID] = true
		p.Replicas = append(p.Replicas, r)
	}
	for _, r := range before.Members() {
		if !stay[r.ID] {
			p.leave(r, i.Lost(r))
		}
	}
	if c.Wanted > 0 {
		p.Wanted = c.Wanted
	}
	moved := !slices.Equal(p.Replicas, before.Replicas) || !slices.Equal(p.Leaving, before.Leaving)
	if !moved {
		p.Version = before.Version
	}
	if moved || p.Wanted != before.Wanted {
		i.set(&p)
	}
	return nil
}

// check tells why the targets cannot be a shard's replicas; nil if they can.
func (c *AlterReplicas) check(i *Image, p *Partition) *protocol.Error {
	voters := 0
	for at, t := range c.Targets {
		node := i.Nodes[t.Node]
		_, here := p.keep(i, t)
		refused := i.MayPlace(t.Node)
		switch {
		case node == nil:
			return refused
		case slices.ContainsFunc(c.Targets[:at], func(o Target) bool { return o.Node == t.Node }):
			return protocol.Errorf(kerr.InvalidReplicaAssignment, "node %d is named twice", t.Node)
		case !here && refused != nil:
			return refused
		case t.Role > Reader:
			return protocol.Errorf(kerr.InvalidReplicaAssignment, "a replica cannot have the role %d", t.Role)
		case t.Role == Voter:
			voters++
		}
	}
	switch {
	case voters == 0:
		return protocol.Errorf(kerr.InvalidReplicaAssignment, "at least one replica must be a voter")
	case c.Targets[0].Role != Voter:
		return protocol.Errorf(kerr.InvalidReplicaAssignment, "the first replica is the preferred leader: it must be a voter")
	case p.Shard == MetaShard && !slices.Equal(sortedNodes(c.Targets), sortedNodes(targetsOf(p))):
		return protocol.Errorf(kerr.InvalidReplicaAssignment, "every node has a replica of the metadata")
	}
	return nil
}

func sortedNodes(targets []Target) (nodes []NodeID) {
	for _, t := range targets {
		nodes = append(nodes, t.Node)
	}
	slices.Sort(nodes)
	return nodes
}

func targetsOf(p *Partition) (targets []Target) {
	for _, r := range p.Replicas {
		targets = append(targets, Target{r.Node, r.Role})
	}
	return targets
}

// keep returns the replica that fills a target already, or is taken back for it; false if there is
// none. One that is lost fills its place until its node is back with another disk.
func (p *Partition) keep(i *Image, t Target) (Replica, bool) {
	for _, r := range p.Replicas {
		if n := i.Nodes[t.Node]; r.Node == t.Node && (!i.Lost(r) || n != nil && !n.Home()) {
			r.Pending = r.Pending || r.Role != t.Role
			r.Role = t.Role
			return r, true
		}
	}
	for _, r := range p.Leaving {
		if r.Node == t.Node && !i.Lost(r) {
			r.Role, r.Pending, r.Back = t.Role, true, true
			return r, true
		}
	}
	return Replica{}, false
}

func ids(replicas []Replica) []storage.ReplicaID {
	out := make([]storage.ReplicaID, len(replicas))
	for at, r := range replicas {
		out[at] = r.ID
	}
	return out
}

func (c *SettleMembers) apply(i *Image, _ *Result) *protocol.Error {
	for _, s := range c.Shards {
		if p := i.Shard(s.Shard); p != nil && s.Version == p.Version && s.Index > p.Settled {
			i.set(i.settled(p, s))
		}
	}
	return nil
}

// settled returns a partition after its members were seen.
func (i *Image) settled(before *Partition, s Settled) *Partition {
	p := *before
	p.Settled = s.Index
	p.Replicas, p.Leaving = slices.Clone(before.Replicas), nil
	for at := range p.Replicas {
		r := &p.Replicas[at]
		voter, learner := slices.Contains(s.Voters, r.ID), slices.Contains(s.Learners, r.ID)
		switch {
		case r.Role == Voter && voter || r.Role == Reader && learner:
			r.Pending, r.Back = false, false
		case !voter && !learner && (!r.Pending || r.Back) && i.Nodes[r.Node] != nil:
			*r = i.allocate(i.Nodes[r.Node], r.Role) // it has left the shard: its id is used up
			p.Version = i.Index
		default:
			r.Pending = true
		}
	}
	for _, r := range before.Leaving {
		if slices.Contains(s.Voters, r.ID) || slices.Contains(s.Learners, r.ID) {
			p.Leaving = append(p.Leaving, r)
		}
	}
	return &p
}

func (c *ReplaceReplica) apply(i *Image, _ *Result) *protocol.Error {
	before := i.Shard(c.Shard)
	if before == nil {
		return nil
	}
	p := *before
	p.Version = i.Index
	if at := slices.IndexFunc(p.Leaving, func(r Replica) bool { return r.ID == c.Replica }); at >= 0 {
		p.Leaving = slices.Clone(p.Leaving)
		p.Leaving[at].Lost = true
		i.set(&p)
		return nil
	}
	at := slices.IndexFunc(p.Replicas, func(r Replica) bool { return r.ID == c.Replica })
	if at < 0 {
		return nil // replaced already
	}
	old := p.Replicas[at]
	node := i.Nodes[old.Node]
	if node == nil {
		return errNoNode(old.Node)
	}
	if !slices.ContainsFunc(p.Members(), func(r Replica) bool { return r.ID != old.ID && r.Role == Voter && !r.Pending && !i.Lost(r) }) {
		return protocol.Errorf(kerr.KafkaStorageError, "replica %d is the last one that has the log: nothing could replace it", old.ID)
	}
	p.Replicas = slices.Clone(p.Replicas)
	p.leave(old, true)
	p.Replicas[at] = i.allocate(node, old.Role)
	i.set(&p)
	return nil
}
