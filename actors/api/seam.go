package api

import (
	"iter"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/actors/access"
	"github.com/troupe-mq/troupe/actors/coordinator"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/group"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// This file is the only way from a request to a topic or a group: what a client may not do is
// refused on it, with the error that Kafka has for it. tidy_test.go sees that there is no other.

// What clients are told who may not do what they ask for.
var (
	errTopicDenied         = protocol.Errorf(kerr.TopicAuthorizationFailed, "Topic authorization failed.")
	errGroupDenied         = protocol.Errorf(kerr.GroupAuthorizationFailed, "Group authorization failed.")
	errClusterDenied       = protocol.Errorf(kerr.ClusterAuthorizationFailed, "Cluster authorization failed.")
	errTransactionalDenied = protocol.Errorf(kerr.TransactionalIDAuthorizationFailed, "Transactional Id authorization failed.")
)

// Principal is who the call is from.
func (c *Call) Principal() access.Principal { return c.From.Principal }

// may reports whether the client may do something to a resource.
func (c *Call) may(o access.Operation, k access.Kind, name string) bool {
	return c.Cluster.Access().Allows(c.From, o, access.Resource{Kind: k, Name: name})
}

// operations are what the client may do to a resource, if it asked to be told.
func (c *Call) operations(asked bool, r access.Resource) int32 {
	if !asked {
		return noOperations
	}
	return access.Operations(c.Cluster.Access(), c.From, r)
}

// clusterOperations are what the client may do to the cluster, if it asked to be told; nothing if
// it may not describe it.
func (c *Call) clusterOperations(asked bool) int32 {
	if asked && c.ClusterWide(access.Describe) != nil {
		return 0
	}
	return c.operations(asked, access.TheCluster)
}

// Topic finds a topic by id or by name to do something to it. Whoever may not is not told whether
// there is a topic of that name; ids are no secret.
func (c *Call) Topic(name string, id metadata.TopicID, byID bool, o access.Operation) (*metadata.Topic, *protocol.Error) {
	return c.TopicOf(c.Cluster.Image(), name, id, byID, o)
}

// TopicOf is Topic in an image, for answers in which what is told of several topics belongs
// together.
func (c *Call) TopicOf(i *metadata.Image, name string, id metadata.TopicID, byID bool, o access.Operation) (*metadata.Topic, *protocol.Error) {
	t, err := topicBy(i, name, id, byID)
	if t == nil && byID {
		return nil, err
	}
	if t != nil {
		name = t.Name
	}
	if !c.may(o, access.Topic, name) {
		return nil, errTopicDenied
	}
	return t, err
}

// anyTopic is Topic whatever the client may do; see topicNamed.
func (c *Call) anyTopic(name string, id metadata.TopicID, byID bool) (*metadata.Topic, *protocol.Error) {
	return topicBy(c.Cluster.Image(), name, id, byID)
}

// TopicsOf returns the names of all topics of an image that the client may do something to, in
// order.
func (c *Call) TopicsOf(i *metadata.Image, o access.Operation) []string {
	return slices.DeleteFunc(topicNames(i), func(name string) bool { return !c.may(o, access.Topic, name) })
}

// topics tells the coordinator of a group of topics' ids and sizes, of those that the client may do
// something to.
func (c *Call) topics(o access.Operation) group.Topics {
	all := coordinator.Topics(c.Cluster.Image())
	return func(name string) ([16]byte, int) {
		if !c.may(o, access.Topic, name) {
			return [16]byte{}, 0
		}
		return all(name)
	}
}

// ClusterWide tells why the client may not do something to the cluster as a whole; nil if it may.
func (c *Call) ClusterWide(o access.Operation) *protocol.Error {
	if !c.Cluster.Access().Allows(c.From, o, access.TheCluster) {
		return errClusterDenied
	}
	return nil
}

// TransactionalID tells why the client may not do something to a transactional id; nil if it may.
func (c *Call) TransactionalID(id string, o access.Operation) *protocol.Error {
	if !c.may(o, access.TransactionalID, id) {
		return errTransactionalDenied
	}
	return nil
}

// Group finds the coordinator of a group to do something to the group.
func (c *Call) Group(id string, o access.Operation) Coordinated {
	if !c.may(o, access.Group, id) {
		return Coordinated{err: errGroupDenied}
	}
	return Coordinated{id: id, groups: c.groups}
}

// Coordinated is a group that the client may do something to, or why not.
type Coordinated struct {
	id     string
	groups Groups
	err    *protocol.Error
}

// Do is Groups.Do for the group.
func (g Coordinated) Do(run Command, refuse func(*protocol.Error)) {
	if g.err != nil {
		refuse(g.err)
		return
	}
	g.groups.Do(g.id, run, refuse)
}

// Sure is Groups.Sure for the group.
func (g Coordinated) Sure(run Command, refuse func(*protocol.Error)) {
	if g.err != nil {
		refuse(g.err)
		return
	}
	g.groups.Sure(g.id, run, refuse)
}

// Coordinators is Groups.Each. What it brings is still to be held against what the client may do.
func (c *Call) Coordinators(run Command, refuse func(*protocol.Error)) int {
	return c.groups.Each(run, refuse)
}

// topicNamed finds a topic whatever the client may do: for what the node does for itself, and for
// what was allowed for the cluster as a whole.
func topicNamed(image *metadata.Image, name string) (*metadata.Topic, *protocol.Error) {
	if t := image.Topics[name]; t != nil {
		return t, nil
	}
	return nil, protocol.Errorf(kerr.UnknownTopicOrPartition, "there is no topic %q", name)
}

// topicBy is topicNamed by id or by name.
func topicBy(image *metadata.Image, name string, id metadata.TopicID, byID bool) (*metadata.Topic, *protocol.Error) {
	if !byID {
		return topicNamed(image, name)
	}
	if t := image.ByID[id]; t != nil {
		return t, nil
	}
	return nil, protocol.Errorf(kerr.UnknownTopicID, "there is no topic with this id")
}

// partitionNamed is topicNamed for a partition.
func partitionNamed(image *metadata.Image, topic string, n int32) (*metadata.Partition, *protocol.Error) {
	t, err := topicNamed(image, topic)
	if err != nil {
		return nil, err
	}
	return partitionOf(t, n)
}

// allTopics are all topics in order of name, whatever the client may do; see topicNamed.
func allTopics(image *metadata.Image) (all []*metadata.Topic) {
	for _, name := range topicNames(image) {
		all = append(all, image.Topics[name])
	}
	return all
}

// eachTopic are all topics in any order, whatever the client may do; see topicNamed.
func eachTopic(image *metadata.Image) iter.Seq[*metadata.Topic] { return maps.Values(image.Topics) }

// topicNames are the names of all topics, in order.
func topicNames(image *metadata.Image) []string { return slices.Sorted(maps.Keys(image.Topics)) }
