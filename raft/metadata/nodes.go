package metadata

import (
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/protocol"
)

func (c *FormCluster) apply(i *Image, _ *Result) *protocol.Error {
	if i.ClusterID != "" {
		return nil
	}
	i.ClusterID = c.ClusterID
	if len(c.Levels) > 0 {
		i.Levels, i.LevelsAt = maps.Clone(c.Levels), i.Index
	}
	i.Meta = &Partition{Shard: MetaShard, Version: i.Index}
	for at, n := range slices.Sorted(maps.Keys(c.Founders)) {
		r := Replica{ID: MetaReplica(n), Node: n, Incarnation: c.Founders[n], Founding: true}
		if at >= MetaVoters(len(c.Founders)) {
			r.Role = Reader
		}
		i.Meta.Replicas = append(i.Meta.Replicas, r)
		i.Meta.Founders = append(i.Meta.Founders, r.ID)
	}
	return nil
}

func (c *RegisterNode) apply(i *Image, _ *Result) *protocol.Error {
	node, have := c.Node, i.Nodes[c.Node.ID]
	switch {
	case i.IsGone(node.ID, node.Incarnation):
		return protocol.Errorf(kerr.DuplicateBrokerRegistration,
			"node %d with this data directory was removed from the cluster or declared lost, and cannot come back under its old identity: empty the directory, then join again", node.ID)
	case have != nil && have.State == Replacing:
		node.State = Active
	case have != nil && have.Incarnation != node.Incarnation && have.State == Draining && i.IsGone(have.ID, have.Incarnation):
		return protocol.Errorf(kerr.DuplicateBrokerRegistration, "node %d is being decommissioned and its disk was declared lost: it is not waited for. Start this node "+
			"under an id of its own, or, to have it take the place of the lost one, cancel the decommission first (troupe cluster decommission %d --cancel)", node.ID, node.ID)
	case have != nil && have.Incarnation != node.Incarnation:
		return protocol.Errorf(kerr.DuplicateBrokerRegistration, "node id %d is taken by a node with another data directory: start this node with its old data or under "+
			"an id of its own, or, if the disk is lost, declare it so first (troupe cluster replace %d)", node.ID, node.ID)
	case have != nil:
		node.State = have.State
	default:
		node.State = Active
	}
	if err := i.understood(&node); err != nil {
		return err
	}
	i.Nodes = maps.Clone(i.Nodes)
	i.Nodes[node.ID] = &node
	i.giveMeta(&node)
	return nil
}

// IsGone reports whether an incarnation of a node is one that may not come back.
func (i *Image) IsGone(n NodeID, incarnation uint64) bool {
	return slices.Contains(i.Gone[n], incarnation)
}

// giveMeta places a replica of __meta on a node that has none. The one on its disk before, if any,
// is lost with the disk.
func (i *Image) giveMeta(n *Node) {
	if i.Meta == nil {
		return
	}
	meta := *i.Meta
	meta.Version, meta.Replicas = i.Index, slices.Clone(meta.Replicas)
	at := slices.IndexFunc(meta.Replicas, func(r Replica) bool { return r.Node == n.ID })
	switch {
	case at < 0:
		meta.Replicas = append(meta.Replicas, i.allocate(n, Reader))
	case meta.Replicas[at].Incarnation == n.Incarnation:
		return
	default:
		meta.leave(meta.Replicas[at], true)
		meta.Replicas[at] = i.allocate(n, meta.Replicas[at].Role)
	}
	i.Meta = &meta
}

// allocate makes a replica that joins.
func (i *Image) allocate(n *Node, role Role) Replica {
	r := Replica{ID: i.NextReplica, Node: n.ID, Incarnation: n.Incarnation, Role: role, Pending: true}
	i.NextReplica++
	return r
}

func errNoNode(n NodeID) *protocol.Error {
	return protocol.Errorf(kerr.BrokerIDNotRegistered, "there is no node %d in the cluster", n)
}

// setState changes the state of a node.
func (i *Image) setState(n NodeID, s NodeState) {
	node := *i.Nodes[n]
	node.State = s
	i.Nodes = maps.Clone(i.Nodes)
	i.Nodes[n] = &node
}

func (c *RestNode) apply(i *Image, _ *Result) *protocol.Error {
	node := i.Nodes[c.Node]
	switch {
	case node == nil:
		return errNoNode(c.Node)
	case !node.Home():
		return protocol.Errorf(kerr.InvalidRequest, "node %d is %s, which maintenance would change nothing about", c.Node, node.State)
	case c.On:
		i.setState(c.Node, Maintenance)
	default:
		i.setState(c.Node, Active)
	}
	return nil
}

func (c *DrainNode) apply(i *Image, _ *Result) *protocol.Error {
	node := i.Nodes[c.Node]
	switch {
	case node == nil:
		return errNoNode(c.Node)
	case c.Cancel && node.State != Draining:
		return protocol.Errorf(kerr.InvalidRequest, "node %d is not being decommissioned, it is %s", c.Node, node.State)
	case c.Cancel && i.IsGone(c.Node, node.Incarnation):
		i.setState(c.Node, Replacing)
		return nil
	case c.Cancel:
		i.setState(c.Node, Active)
		return nil
	}
	if err := i.roomWithout(c.Node); err != nil {
		return err
	}
	i.setState(c.Node, Draining)
	return nil
}

// roomWithout tells why the other nodes cannot take all replicas of one; nil if they can.
func (i *Image) roomWithout(n NodeID) *protocol.Error {
	homes := 0
	for id, node := range i.Nodes {
		if id != n && node.Home() {
			homes++
		}
	}
	if homes == 0 {
		return protocol.Errorf(kerr.InvalidReplicationFactor, "node %d is the last one: there is no other node that could take its replicas; add one first", n)
	}
	for _, name := range slices.Sorted(maps.Keys(i.Topics)) {
		for _, p := range i.Topics[name].Partitions {
			if len(p.Replicas) > homes {
				return protocol.Errorf(kerr.InvalidReplicationFactor, "topic %q has %d replicas a partition, and without node %d there are only %d nodes for them: "+
					"add a node first, or lower the topic's replication factor", name, len(p.Replicas), n, homes)
			}
		}
	}
	return nil
}

func (c *ReplaceNode) apply(i *Image, _ *Result) *protocol.Error {
	node := i.Nodes[c.Node]
	switch {
	case node == nil:
		return errNoNode(c.Node)
	case node.State == Replacing:
		return nil
	case c.Incarnation != 0 && c.Incarnation != node.Incarnation:
		return protocol.Errorf(kerr.InvalidRequest, "node %d has another data directory by now: look again before declaring it lost", c.Node)
	case len(i.Nodes) == 1:
		return protocol.Errorf(kerr.InvalidRequest, "node %d is the only one: what it lost is nowhere else", c.Node)
	}
	keeps := i.checks() && node.State == Draining
	if keeps && i.IsGone(c.Node, node.Incarnation) {
		return nil
	}
	i.bury(c.Node, node.Incarnation)
	if !keeps { // what is being decommissioned stays so: nobody waits for it to come back
		i.setState(c.Node, Replacing)
	}
	return nil
}

// bury keeps an incarnation from coming back.
func (i *Image) bury(n NodeID, incarnation uint64) {
	i.Gone = maps.Clone(i.Gone)
	i.Gone[n] = append(slices.Clone(i.Gone[n]), incarnation)
}

func (c *RemoveNode) apply(i *Image, _ *Result) *protocol.Error {
	node := i.Nodes[c.Node]
	switch {
	case node == nil:
		return errNoNode(c.Node)
	case node.State != Draining:
		return protocol.Errorf(kerr.InvalidRequest, "node %d is %s: decommission it first", c.Node, node.State)
	}
	if err := i.emptied(c.Node); err != nil {
		return err
	}
	i.takeMeta(c.Node)
	i.Nodes = maps.Clone(i.Nodes)
	delete(i.Nodes, c.Node)
	i.setNodeConfigs(c.Node, nil)
	if !i.IsGone(c.Node, node.Incarnation) {
		i.bury(c.Node, node.Incarnation)
	}
	return nil
}

// Emptied reports whether a node that is being drained holds nothing any more, so that it can be
// removed.
func (i *Image) Emptied(n NodeID) bool {
	node := i.Nodes[n]
	return node != nil && node.State == Draining && i.emptied(n) == nil
}

// emptied tells why a node still is needed; nil if it is not.
func (i *Image) emptied(n NodeID) *protocol.Error {
	for _, t := range i.Topics {
		for _, p := range t.Partitions {
			if slices.ContainsFunc(p.Members(), func(r Replica) bool { return r.Node == n && !r.Lost }) {
				return protocol.Errorf(kerr.InvalidRequest, "node %d still has replicas", n)
			}
		}
	}
	if i.Meta == nil {
		return nil
	}
	for _, r := range i.Meta.Replicas {
		if r.Node == n && (r.Role == Voter || r.Pending && !i.Lost(r)) {
			return protocol.Errorf(kerr.InvalidRequest, "node %d still votes in the metadata", n)
		}
	}
	return nil
}

// takeMeta has a node's replica of __meta leave.
func (i *Image) takeMeta(n NodeID) {
	if i.Meta == nil {
		return
	}
	meta := *i.Meta
	meta.Version, meta.Replicas = i.Index, nil
	for _, r := range i.Meta.Replicas {
		if r.Node == n {
			meta.leave(r, i.Lost(r))
		} else {
			meta.Replicas = append(meta.Replicas, r)
		}
	}
	i.Meta = &meta
}
