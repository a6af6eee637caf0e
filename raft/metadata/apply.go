package metadata

import (
	"maps"
	"reflect"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/protocol"
)

// change is one kind of command. apply changes an image that shares its maps with the one before,
// so what it writes to it clones first; if it refuses, what it changed is dropped.
type change interface {
	apply(i *Image, r *Result) *protocol.Error
}

// kind returns the one field that is set, nil if there is none that is known.
func (c *Command) kind() change {
	all := [...]struct {
		set bool
		is  change
	}{
		{c.FormCluster != nil, c.FormCluster},
		{c.RegisterNode != nil, c.RegisterNode},
		{c.CreateTopic != nil, c.CreateTopic},
		{c.DeleteTopic != nil, c.DeleteTopic},
		{c.CreatePartitions != nil, c.CreatePartitions},
		{c.AlterConfigs != nil, c.AlterConfigs},
		{c.AllocateProducerIDs != nil, c.AllocateProducerIDs},
		{c.AlterReplicas != nil, c.AlterReplicas},
		{c.SettleMembers != nil, c.SettleMembers},
		{c.ReplaceReplica != nil, c.ReplaceReplica},
		{c.RestNode != nil, c.RestNode},
		{c.DrainNode != nil, c.DrainNode},
		{c.ReplaceNode != nil, c.ReplaceNode},
		{c.RemoveNode != nil, c.RemoveNode},
		{c.UpdateFeatures != nil, c.UpdateFeatures},
		{c.RecordRecovery != nil, c.RecordRecovery},
	}
	for _, k := range all {
		if k.set {
			return k.is
		}
	}
	return nil
}

func (c *CreateTopic) apply(i *Image, r *Result) *protocol.Error {
	if have := i.Topics[c.Name]; have != nil {
		if have.ID == c.ID {
			r.TopicID = c.ID
			return nil // the same command once more, from a sender that lost the answer
		}
		return protocol.Errorf(kerr.TopicAlreadyExists, "topic %q already exists", c.Name)
	}
	if i.checks() {
		if err := i.Creatable(c); err != nil {
			return err
		}
	}
	if err := ValidateTopicName(c.Name); err != nil {
		return err
	}
	if c.ID == (TopicID{}) || i.ByID[c.ID] != nil {
		return protocol.Errorf(kerr.InvalidRequest, "a topic needs an id of its own")
	}
	if len(c.Placement) == 0 {
		return protocol.Errorf(kerr.InvalidPartitions, "a topic needs at least one partition")
	}
	t := &Topic{Name: c.Name, ID: c.ID, Internal: c.Internal, Configs: maps.Clone(c.Configs)}
	if err := i.place(t, c.Placement, c.Wanted); err != nil {
		return err
	}
	r.TopicID = c.ID
	return nil
}

func (c *CreatePartitions) apply(i *Image, _ *Result) *protocol.Error {
	t := i.ByID[c.ID]
	switch {
	case t == nil:
		return protocol.Errorf(kerr.UnknownTopicOrPartition, "the topic was deleted")
	case len(t.Partitions) != c.From || len(c.Placement) == 0:
		return protocol.Errorf(kerr.InvalidPartitions, "topic %q has %d partitions, the request was made for %d", t.Name, len(t.Partitions), c.From)
	}
	if i.checks() {
		if err := i.Placeable(c.Placement, len(c.Placement[0])); err != nil {
			return err
		}
	}
	grown := *t
	grown.Partitions = slices.Clone(t.Partitions)
	return i.place(&grown, c.Placement, c.Wanted)
}

// place adds partitions to a topic and the topic to the image.
func (i *Image) place(t *Topic, placement [][]NodeID, wanted int) *protocol.Error {
	i.Shards = maps.Clone(i.Shards)
	for _, nodes := range placement {
		p := &Partition{Topic: t.Name, TopicID: t.ID, Index: int32(len(t.Partitions)), Shard: i.NextShard, Version: i.Index}
		i.NextShard++
		for at, n := range nodes {
			node := i.Nodes[n]
			if node == nil || slices.Contains(nodes[:at], n) {
				return protocol.Errorf(kerr.InvalidReplicaAssignment, "partition %d is placed on node %d, which is not registered or named twice", p.Index, n)
			}
			p.Replicas = append(p.Replicas, Replica{ID: i.NextReplica, Node: n, Incarnation: node.Incarnation, Founding: true})
			p.Founders = append(p.Founders, i.NextReplica)
			i.NextReplica++
		}
		if len(p.Replicas) == 0 {
			return protocol.Errorf(kerr.InvalidReplicationFactor, "partition %d is placed nowhere", p.Index)
		}
		if wanted > len(p.Replicas) {
			p.Wanted = wanted
		}
		t.Partitions = append(t.Partitions, p)
		i.Shards[p.Shard] = ShardRef{t.Name, p.Index}
	}
	i.setTopic(t)
	return nil
}

func (i *Image) setTopic(t *Topic) {
	i.resolve(t)
	i.Topics, i.ByID = maps.Clone(i.Topics), maps.Clone(i.ByID)
	i.Topics[t.Name], i.ByID[t.ID] = t, t
}

func (c *DeleteTopic) apply(i *Image, _ *Result) *protocol.Error {
	t := i.ByID[c.ID]
	if t == nil {
		return protocol.Errorf(kerr.UnknownTopicID, "there is no topic with this id")
	}
	i.Topics, i.ByID, i.Shards = maps.Clone(i.Topics), maps.Clone(i.ByID), maps.Clone(i.Shards)
	delete(i.Topics, t.Name)
	delete(i.ByID, t.ID)
	for _, p := range t.Partitions {
		delete(i.Shards, p.Shard)
	}
	return nil
}

func (c *AlterConfigs) apply(i *Image, _ *Result) *protocol.Error {
	switch {
	case c.Topic != nil:
		t := i.ByID[*c.Topic]
		if t == nil {
			return protocol.Errorf(kerr.UnknownTopicOrPartition, "the topic was deleted")
		}
		altered := *t
		altered.Configs, altered.settings = c.altered(t.Configs), nil
		i.setTopic(&altered)
	case c.Node != nil:
		i.setNodeConfigs(*c.Node, c.altered(i.NodeConfigs[*c.Node]))
	default:
		return protocol.Errorf(kerr.InvalidRequest, "configs of nothing")
	}
	return nil
}

// altered returns the settings after the change; the ones before stay as they are.
func (c *AlterConfigs) altered(before map[string]string) map[string]string {
	after := make(map[string]string, len(before)+len(c.Set))
	if !c.Replace {
		maps.Copy(after, before)
	}
	for name, value := range c.Set {
		if value == nil {
			delete(after, name)
		} else {
			after[name] = *value
		}
	}
	return after
}

func (c *AllocateProducerIDs) apply(i *Image, r *Result) *protocol.Error {
	if c.Count <= 0 {
		return protocol.Errorf(kerr.InvalidRequest, "%d producer ids", c.Count)
	}
	r.FirstProducerID = i.NextProducerID
	i.NextProducerID += c.Count
	if i.checks() {
		i.NextShard += c.SkipShards
		i.NextReplica += c.SkipReplicas
	}
	return nil
}

// Same reports whether two images say the same; for tests.
func (i *Image) Same(other *Image) bool { return reflect.DeepEqual(i, other) }
